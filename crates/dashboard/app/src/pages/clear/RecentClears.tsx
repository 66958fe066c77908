import { Button, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type Change, clearedTable, undoable, undoneRows } from '../../api/changes';
import { body, client } from '../../api/client';
import { changesData, hasEnded, jobs, stringField } from '../../api/jobs';
import { invalidate } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { Icon } from '../../components/Icon';
import { ProblemAlert } from '../../components/ProblemAlert';
import { dateTime, number, plural, rows } from '../../locale/format';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpResult } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';
import classes from './Clear.module.css';

/** The clears that can still be undone, each with a button. */
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
            <RecentClear clear={clear} />
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

function RecentClear({ clear }: { clear: Change }) {
  const what = nameOf(clearedTable(clear)).toLowerCase();
  return (
    <Stack gap="xs" className={classes.text}>
      <div className={classes.line}>
        <div className={classes.text}>
          <Text fw={550}>
            Cleared {what}: {rows(clear.removed_total)}
          </Text>
          <Text size="sm" c="dimmed">
            Cleared on {dateTime(clear.changed_at)} by {clear.username}. You can undo this until{' '}
            {dateTime(clear.undo_until ?? '')}.
          </Text>
        </div>
        <UndoButton id={clear.id} what={what} />
      </div>
    </Stack>
  );
}

/**
 * Undoes a clear, or shows why that is not possible. While another change runs, the service would refuse an undo, so
 * there is no button.
 */
export function UndoButton({
  id,
  what,
  onDone,
}: {
  id: string;
  what: string;
  onDone?: (rows: number) => void;
}) {
  const { data } = useQuery(jobs);
  const changing = data?.items.find((each) => !hasEnded(each) && changesData(each));
  const name = `Undo: clear ${what}`;
  const undo = useRequest({
    name: () => name,
    send: async (_: null, key, signal) => {
      const params = { path: { id }, header: { 'Idempotency-Key': key } };
      return body(await client.POST('/backup/clear/{id}/undo', { params, signal })).restored_total;
    },
    lookUp: (_, key) => lookUpResult(key, undoneRows),
    trace: () => ({ by: 'job' }),
    done: (restored) => `${rows(restored)} ${plural(restored, 'was', 'were')} restored.`,
    reports: onDone ? 'success' : 'failure only',
    onSuccess: (restored) => onDone?.(restored),
    onSettled: () => {
      invalidate('changes', 'jobs', 'stats', 'archives');
    },
  });
  return (
    <Stack gap="xs" align="flex-end">
      {changing && !undo.isPending ? (
        <Text size="sm" c="dimmed">
          {stringField(changing, 'clear_id') === id
            ? 'This clear is being undone.'
            : 'You can undo this after the running change has ended.'}
        </Text>
      ) : (
        <Button
          variant="default"
          leftSection={<Icon name="undo" size={18} />}
          loading={undo.isPending}
          aria-label={name}
          onClick={() => undo.mutate(null)}
        >
          Undo
        </Button>
      )}
      {undo.lookup && <LookupNotice name={name} lookup={undo.lookup} />}
      {undo.error && <ProblemAlert error={undo.error} title="The clear was not undone" />}
    </Stack>
  );
}
