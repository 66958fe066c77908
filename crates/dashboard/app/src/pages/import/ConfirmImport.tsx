import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { body, client } from '../../api/client';
import type { ImportPlan } from '../../api/imports';
import { invalidate } from '../../api/queries';
import { ConfirmInput } from '../../components/ConfirmInput';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { useIsMounted } from '../../components/useIsMounted';
import { rows } from '../../locale/format';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { DANGER } from '../../theme';
import { effectText, planTotals } from './plan';

/** The confirmation word. The service receives the same word. */
const CONFIRMATION = 'import';
const NAME = 'Import a file';

/** Asks for the confirmation word, and applies exactly the plan. */
export function ConfirmImport({ plan }: { plan: ImportPlan }) {
  const [, go] = useLocation();
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const word = useRef<HTMLInputElement>(null);
  const isMounted = useIsMounted();
  const apply = useRequest({
    name: () => NAME,
    send: async (plan_hash: string, key, signal) =>
      body(
        await client.POST('/backup/imports/{id}/apply', {
          params: { path: { id: plan.id }, header: { 'Idempotency-Key': key } },
          body: { plan_hash, confirm: CONFIRMATION },
          signal,
        }),
      ),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: (job) => {
      trackJob(job.id);
      invalidate('jobs');
      // Another page shows the outcome in its notifications.
      if (isMounted.current) go(`/import/job/${job.id}`);
    },
  });
  const totals = planTotals(plan);
  const { removed, total } = totals;
  if (total === 0) {
    return (
      <Panel label="Nothing to import">
        <Text>There is nothing to import. The rows of the file are the same as those of the table.</Text>
      </Panel>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (apply.isPending) return;
    if (typed.trim() === CONFIRMATION) return apply.mutate(plan.hash);
    setWrong(true);
    word.current?.focus();
  };
  return (
    <Panel label="Confirmation">
      <form onSubmit={submit} noValidate>
        <Stack>
          <Title order={3} size="h4">
            Import
          </Title>
          <Text>
            {effectText(totals)}. The service first creates a safety backup. You can undo the import for a
            week, until another change of its tables.
          </Text>
          {plan.undo_needs_identity && (
            <Text size="sm">
              To undo it you will need the secret key of the backups. The service does not have it. Make sure
              that you have the key before you import.
            </Text>
          )}
          <ConfirmInput
            ref={word}
            word={CONFIRMATION}
            typed={typed}
            wrong={wrong}
            onType={(text) => {
              setTyped(text);
              setWrong(false);
            }}
          />
          {apply.lookup && <LookupNotice name={NAME} lookup={apply.lookup} />}
          {apply.error && <ProblemAlert error={apply.error} title="Nothing was imported" />}
          <Group justify="flex-end">
            <Button type="submit" loading={apply.isPending} {...(removed > 0 && { color: DANGER })}>
              Import {rows(total)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
