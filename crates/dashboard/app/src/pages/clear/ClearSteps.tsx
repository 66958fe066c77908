import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { clearedBy } from '../../api/changes';
import { body, client } from '../../api/client';
import { Refusal } from '../../api/problem';
import { changed } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { rows } from '../../locale/format';
import { DialogActions } from '../../parts/DialogActions';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { asResult } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import type { ClearScope } from './actions';
import { Confirm } from './Confirm';
import { PlanTable } from './PlanTable';
import { Result } from './Result';

/** Counts what would go, has it confirmed, and says what was done. */
export function ClearSteps({ scope, onClose }: { scope: ClearScope; onClose: () => void }) {
  const plan = useQuery({
    queryKey: ['clear-plan', scope],
    queryFn: async ({ signal }) =>
      body(await client.POST('/backup/clear', { body: { table: scope, dry_run: true }, signal })),
    // A plan is of one moment: another one is made when it is asked for, and never beneath the reader.
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
    lookUp: (_, key) => asResult(key, clearedBy),
    trace: () => ({ by: 'job' }),
    done: (cleared) => `${rows(cleared.removed_total)} removed. It can be undone on the page “Clear”.`,
    onSettled: () => {
      changed('changes', 'stats', 'jobs', 'archives');
    },
  });
  const countAgain = () => {
    clear.reset();
    plan.refetch();
  };

  if (clear.isSuccess) return <Result cleared={clear.data} onClose={onClose} />;
  if (plan.isError && !plan.isFetching) {
    return <ProblemAlert error={plan.error} again={{ label: 'Count again', act: countAgain }} />;
  }
  if (!plan.data || plan.isRefetching) {
    return (
      <Group>
        <Loader size="sm" aria-label="Counting" />
        <Text>Counting what would go…</Text>
      </Group>
    );
  }
  if (plan.data.removed_total === 0) {
    return (
      <Stack>
        <Text>There is nothing to clear: the tables are empty already.</Text>
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </DialogActions>
      </Stack>
    );
  }
  const kept = Object.values(plan.data.kept).reduce((sum, count) => sum + count, 0);
  const moved = clear.error instanceof Refusal && clear.error.problem.code === 'row_count_changed';
  return (
    <Stack>
      <PlanTable scope={scope} plan={plan.data} />
      <Confirm
        scope={scope}
        total={plan.data.removed_total}
        everything={plan.data.removed_total + kept}
        pending={clear.isPending}
        unsettled={clear.unsettled && <UnsettledNote name={name} unsettled={clear.unsettled} />}
        error={clear.error}
        {...(moved && { onCountAgain: countAgain })}
        onConfirm={() => clear.mutate(plan.data.removed)}
        onCancel={onClose}
      />
    </Stack>
  );
}
