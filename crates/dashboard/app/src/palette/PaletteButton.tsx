import { Button } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { Icon } from '../components/Icon';
import { useDialog } from '../components/useDialog';
import { CodeProblem } from '../shell/CodeProblem';
import layout from '../shell/Layout.module.css';
import { useCode } from '../shell/useCode';
import classes from './Palette.module.css';

const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The button of the command palette, with its key. The code is loaded when it is first opened. */
export function PaletteButton() {
  const { opened, opening, ...dialog } = useDialog<null>();
  const load = () => import('./Palette');
  const { data, error, isFetching, refetch } = useCode('palette', load, opened);
  const open = () => {
    dialog.open(null);
    if (error) refetch();
  };
  const openByKey = () => {
    // Another dialog comes first, such as the one that asks for the password.
    if (!document.querySelector('[role="dialog"]')) open();
  };
  useHotkeys([['mod+K', openByKey]], []);
  return (
    <>
      <Button
        variant="default"
        size="sm"
        aria-haspopup="dialog"
        aria-keyshortcuts={IS_APPLE ? 'Meta+K' : 'Control+K'}
        leftSection={<Icon name="search" size={18} />}
        className={classes.button}
        loading={isFetching && opened}
        onClick={open}
      >
        <span className={classes.label}>Search</span>
        <kbd className={classes.key}>{IS_APPLE ? '⌘ K' : 'Ctrl K'}</kbd>
      </Button>
      {data && <data.Palette opened={opened} onClose={() => opening && dialog.close(opening.key)} />}
      {error && opened && !isFetching && (
        <div className={layout.problem}>
          <CodeProblem error={error} onAgain={refetch} />
        </div>
      )}
    </>
  );
}
