import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { clearResult } from '../../api/changes';
import { body, client } from '../../api/client';
import { ProblemError } from '../../api/problem';
import { invalidate } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { DialogActions } from '../../components/DialogActions';
import { ProblemAlert } from '../../components/ProblemAlert';
import { rows } from '../../locale/format';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpResult } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';
import type { ClearScope } from './actions';
import { ClearPlanTable } from './ClearPlanTable';
import { ClearResult } from './ClearResult';
import { ConfirmClear } from './ConfirmClear';

/** Counts the rows, asks for a confirmation, clears, and shows the result. */
export function ClearForm({ scope, onClose }: { scope: ClearScope; onClose: () => void }) {
  const plan = useQuery({
    queryKey: ['clear-plan', scope],
    queryFn: async ({ signal }) =>
      body(await client.POST('/backup/clear', { body: { table: scope, dry_run: true }, signal })),
    // The numbers that a person confirms must not change by themselves. They are counted again only on request.
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const name = `Clear ${nameOf(scope).toLowerCase()}`;
  const clear = useRequest({
    name: () => name,
    send: async (expected: Record<string, number>, key, signal) =>
      body(
        await client.POST('/backup/clear', {
          params: { header: { 'Idempotency-Key': key } },
          body: { table: scope, confirm: scope, expected_rows: expected },
          signal,
        }),
      ),
    lookUp: (_, key) => lookUpResult(key, clearResult),
    trace: () => ({ by: 'job' }),
    done: (cleared) => `${rows(cleared.removed_total)} deleted. You can undo this on the page “Clear”.`,
    onSettled: () => {
      invalidate('changes', 'stats', 'jobs', 'archives');
    },
  });
  const countAgain = () => {
    clear.reset();
    plan.refetch();
  };

  if (clear.isSuccess) return <ClearResult cleared={clear.data} onClose={onClose} />;
  if (plan.isError && !plan.isFetching) {
    return <ProblemAlert error={plan.error} again={{ label: 'Count again', act: countAgain }} />;
  }
  if (!plan.data || plan.isRefetching) {
    return (
      <Group>
        <Loader size="sm" aria-label="Counting" />
        <Text>Counting the rows that will be deleted…</Text>
      </Group>
    );
  }
  if (plan.data.removed_total === 0) {
    return (
      <Stack>
        <Text>There is nothing to clear. The tables are already empty.</Text>
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </DialogActions>
      </Stack>
    );
  }
  const kept = Object.values(plan.data.kept).reduce((sum, count) => sum + count, 0);
  const isOutdated = clear.error instanceof ProblemError && clear.error.problem.code === 'row_count_changed';
  return (
    <Stack>
      <ClearPlanTable scope={scope} plan={plan.data} />
      <ConfirmClear
        scope={scope}
        total={plan.data.removed_total}
        everything={plan.data.removed_total + kept}
        undoNeedsIdentity={plan.data.undo_needs_identity}
        pending={clear.isPending}
        lookup={clear.lookup && <LookupNotice name={name} lookup={clear.lookup} />}
        error={clear.error}
        {...(isOutdated && { onCountAgain: countAgain })}
        onConfirm={() => clear.mutate(plan.data.removed)}
        onCancel={onClose}
      />
    </Stack>
  );
}
