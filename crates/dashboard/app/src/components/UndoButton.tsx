import { Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type UndoableKind, undoneRows, undoResult } from '../api/changes';
import { body, client } from '../api/client';
import { identityHeader } from '../api/identity';
import { changesData, hasEnded, jobs, stringField } from '../api/jobs';
import { invalidate } from '../api/queries';
import { plural, rows } from '../locale/format';
import { LookupNotice } from '../requests/LookupNotice';
import { lookUpResult } from '../requests/lookUp';
import { useRequest } from '../requests/useRequest';
import { Icon } from './Icon';
import { IdentityPrompt } from './IdentityPrompt';
import { ProblemAlert } from './ProblemAlert';

/** The texts for each kind of change. */
const TEXTS = {
  clear: {
    name: (what: string) => `Undo: clear ${what}`,
    running: 'This clear is being undone.',
    failed: 'The clear was not undone',
  },
  import: {
    name: (what: string) => `Undo: import ${what}`,
    running: 'This import is being undone.',
    failed: 'The import was not undone',
  },
};

/**
 * Undoes a clear or an import, or shows why that is not possible. While another change runs, the service would refuse
 * an undo, so there is no button.
 */
export function UndoButton({
  id,
  kind,
  what,
  onDone,
}: {
  /** The id of the change. */
  id: string;
  kind: UndoableKind;
  what: string;
  onDone?: (rows: number) => void;
}) {
  const { data } = useQuery(jobs);
  const changing = data?.items.find((each) => !hasEnded(each) && changesData(each));
  const texts = TEXTS[kind];
  const name = texts.name(what);
  const undo = useRequest({
    name: () => name,
    // The secret key of the safety backup, if the service does not have it.
    send: async (identity: string | null, key, signal) => {
      const params = { path: { id }, header: { 'Idempotency-Key': key, ...identityHeader(identity) } };
      return undoneRows(body(await client.POST('/backup/changes/{id}/undo', { params, signal })));
    },
    lookUp: (_, key) => lookUpResult(key, (job) => undoneRows(undoResult(job))),
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
            ? texts.running
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
      {undo.error && (
        <ProblemAlert error={undo.error} title={texts.failed}>
          <IdentityPrompt
            error={undo.error}
            action="Undo with this key"
            pending={undo.isPending}
            onIdentity={(identity) => undo.mutate(identity)}
          />
        </ProblemAlert>
      )}
    </Stack>
  );
}
