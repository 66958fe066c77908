import { Button, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type Change, clearedTable, undoable } from '../../api/changes';
import { body, client } from '../../api/client';
import { changed } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { dateTime, number, rows } from '../../locale/format';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import classes from './Clear.module.css';

/** The clears that can still be undone, each with its button, until its time is up. */
export function RecentClears() {
  const { data } = useQuery(undoable);
  const clears = data?.items ?? [];
  if (data === undefined || clears.length === 0) return null;
  return (
    <section aria-labelledby="recent">
      <Title order={2} size="h4" id="recent" mb="sm">
        Can be undone
      </Title>
      <ul className={classes.actions}>
        {clears.map((clear) => (
          <li key={clear.id} className={classes.action}>
            <Clear clear={clear} />
          </li>
        ))}
      </ul>
      {data.total > clears.length && (
        <Text size="sm" c="dimmed" mt="sm">
          These are the newest {number(clears.length)} of {number(data.total)}.
        </Text>
      )}
    </section>
  );
}

function Clear({ clear }: { clear: Change }) {
  const what = nameOf(clearedTable(clear)).toLowerCase();
  return (
    <Stack gap="xs" className={classes.words}>
      <div className={classes.line}>
        <div className={classes.words}>
          <Text fw={550}>
            Cleared {what}: {rows(clear.removed_total)}
          </Text>
          <Text size="sm" c="dimmed">
            On {dateTime(clear.changed_at)} by {clear.username}. Until {dateTime(clear.undo_until ?? '')}.
          </Text>
        </div>
        <Undo id={clear.id} what={what} />
      </div>
    </Stack>
  );
}

/** Takes a clear back, or says what stands in the way. */
export function Undo({ id, what, onDone }: { id: string; what: string; onDone?: (rows: number) => void }) {
  const undo = useMutation({
    mutationFn: async () => body(await client.POST('/backup/clear/{id}/undo', { params: { path: { id } } })),
    onSuccess: ({ restored_total }) => onDone?.(restored_total),
    onSettled: () => {
      changed('changes', 'jobs', 'stats', 'archives');
    },
  });
  return (
    <Stack gap="xs" align="flex-end">
      <Button
        variant="default"
        leftSection={<Icon name="undo" size={18} />}
        loading={undo.isPending}
        aria-label={`Undo: clear ${what}`}
        onClick={() => undo.mutate()}
      >
        Undo
      </Button>
      {undo.error && <ProblemAlert error={undo.error} title="It was not undone" />}
    </Stack>
  );
}
