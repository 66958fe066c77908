import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { body, client } from '../../api/client';
import { Refusal } from '../../api/problem';
import { changed } from '../../api/queries';
import { ProblemAlert } from '../../parts/ProblemAlert';
import type { ClearScope } from './actions';
import { Confirm } from './Confirm';
import { PlanTable } from './PlanTable';
import { Result } from './Result';

/** The key of a clear that is being done. */
export const CLEARING = ['clear'];

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
  const clear = useMutation({
    mutationKey: CLEARING,
    mutationFn: async (expected: Record<string, number>) =>
      body(
        await client.POST('/backup/clear', {
          body: { table: scope, confirm: scope, expected_rows: expected },
        }),
      ),
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
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    );
  }
  const kept = Object.values(plan.data.kept).reduce((sum, count) => sum + count, 0);
  const moved = clear.error instanceof Refusal && clear.error.problem.code === 'rows_moved';
  return (
    <Stack>
      <PlanTable scope={scope} plan={plan.data} />
      <Confirm
        scope={scope}
        total={plan.data.removed_total}
        everything={plan.data.removed_total + kept}
        pending={clear.isPending}
        error={clear.error}
        {...(moved && { onCountAgain: countAgain })}
        onConfirm={() => clear.mutate(plan.data.removed)}
        onCancel={onClose}
      />
    </Stack>
  );
}
