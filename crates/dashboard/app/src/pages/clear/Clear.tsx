import { Button, Stack, Text, Title } from '@mantine/core';
import { PageHeader } from '../../components/PageHeader';
import { Tip } from '../../components/Tip';
import { useDialog } from '../../components/useDialog';
import { DANGER } from '../../theme';
import { CLEAR_ACTIONS, type ClearAction } from './actions';
import classes from './Clear.module.css';
import { ClearDialog } from './ClearDialog';
import { RecentClears } from './RecentClears';

export default function Clear() {
  const { opened, opening, open, close } = useDialog<ClearAction>();
  return (
    <>
      <PageHeader
        title="Clear"
        lead="Removes data, such as at the end of a school year. You always see first what would go and what would stay."
      />
      <Stack gap="xl">
        <RecentClears />
        <Tip title="There is a way back">
          Before anything goes, the service puts it into a safety archive, and clears nothing if that fails.
          For a week the clear can be undone here; afterwards the archive can still be restored.
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
