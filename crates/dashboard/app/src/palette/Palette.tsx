import { Modal } from '@mantine/core';
import { useLocation } from 'wouter';
import { ProblemAlert } from '../components/ProblemAlert';
import { CREATE_BACKUP, useCreateBackup } from '../components/useCreateBackup';
import { LookupNotice } from '../requests/LookupNotice';
import { signOut } from '../session/signIn';
import layout from '../shell/Layout.module.css';
import type { CommandTarget } from './commands';
import classes from './Palette.module.css';
import { PaletteList } from './PaletteList';

/** The command palette: each page, each action and each backup by typing. */
export function Palette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [, go] = useLocation();
  const create = useCreateBackup();
  const run = (target: CommandTarget) => {
    onClose();
    if ('route' in target) go(target.route);
    else if (target.action === 'back up') create.mutate({});
    else signOut();
  };
  return (
    <>
      <Modal
        opened={opened}
        onClose={onClose}
        returnFocus={false}
        withCloseButton={false}
        padding={0}
        size="lg"
        yOffset="10vh"
        // The dialog has no title, so it needs a name.
        attributes={{ content: { 'aria-label': 'Commands' } }}
        classNames={{ content: classes.content }}
      >
        <PaletteList onChoose={run} onClose={onClose} />
      </Modal>
      {(create.lookup || create.error) && (
        <div className={layout.problem}>
          {create.lookup && <LookupNotice name={CREATE_BACKUP} lookup={create.lookup} />}
          {create.error && (
            <ProblemAlert
              error={create.error}
              title="No backup was created"
              again={{ label: 'Dismiss', act: create.reset }}
            />
          )}
        </div>
      )}
    </>
  );
}
