import { Button, Stack, Text, Title } from '@mantine/core';
import { PageHeader } from '../../components/PageHeader';
import { Tip } from '../../components/Tip';
import { UndoableChanges } from '../../components/UndoableChanges';
import { useDialog } from '../../components/useDialog';
import { DANGER } from '../../theme';
import { CLEAR_ACTIONS, type ClearAction } from './actions';
import classes from './Clear.module.css';
import { ClearDialog } from './ClearDialog';

export default function Clear() {
  const { opened, opening, open, close } = useDialog<ClearAction>();
  return (
    <>
      <PageHeader
        title="Clear"
        lead="Delete data, for example at the end of a school year. First you see what will be deleted and what will remain."
      />
      <Stack gap="xl">
        <UndoableChanges kind="clear" />
        <Tip title="A clear can be undone">
          The service creates a safety backup before it deletes anything. If that fails, nothing is deleted.
          You can undo a clear here for a week. Later you can still restore the safety backup.
        </Tip>
        <ul className={classes.actions}>
          {CLEAR_ACTIONS.map((each) => (
            <li key={each.scope} className={classes.action} data-all={each.scope === 'all' || undefined}>
              <div className={classes.text}>
                <Title order={2} size="h5">
                  {each.title}
                </Title>
                <Text size="sm" c="dimmed">
                  {each.description}
                </Text>
              </div>
              <Button
                variant="light"
                color={DANGER}
                onClick={() => open(each)}
                aria-label={`Clear ${each.title.toLowerCase()}…`}
              >
                Clear…
              </Button>
            </li>
          ))}
        </ul>
      </Stack>
      <ClearDialog opening={opening} opened={opened} onClose={close} />
    </>
  );
}
