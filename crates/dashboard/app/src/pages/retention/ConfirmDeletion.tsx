import { Button, Stack, Text } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { ProblemError } from '../../api/problem';
import type { RetentionPlan, RetentionPolicy } from '../../api/retention';
import { ConfirmInput } from '../../components/ConfirmInput';
import { FormActions } from '../../components/FormActions';
import { planSummary } from './PlanView';
import { APPLY, SAVE, useApplyPlan, useSavePolicy } from './retentionRequests';

/** The word that confirms a deletion. */
const WORD = 'delete';

interface Props {
  plan: RetentionPlan;
  onCancel: () => void;
}

/** Saves a policy that was previewed. If it deletes backups, that is confirmed. */
export function SavePolicy({
  plan,
  policy,
  onDone,
  onCancel,
}: Props & { policy: RetentionPolicy; onDone: () => void }) {
  const save = useSavePolicy(onDone);
  return (
    <Confirmed
      request={save}
      name={SAVE}
      failed="The policy was not saved"
      action="Save the policy"
      isDangerous={plan.delete.length > 0}
      onConfirm={() => save.mutate(policy)}
      onCancel={onCancel}
    >
      <Text>{planSummary(plan)}</Text>
      <Text>
        The service applies the policy by itself: after the next backup, or in an hour, and then after each
        backup.
        {plan.delete.length > 0 && ' Deleted backups can’t be restored.'}
      </Text>
    </Confirmed>
  );
}

/** Deletes now what the plan deletes. */
export function ApplyPlan({
  plan,
  onStarted,
  onOutdated,
  onCancel,
}: Props & { onStarted: (job: string) => void; onOutdated: () => void }) {
  const apply = useApplyPlan(onStarted);
  const isOutdated = apply.error instanceof ProblemError && apply.error.problem.code === 'plan_outdated';
  return (
    <Confirmed
      request={apply}
      name={APPLY}
      failed={isOutdated ? 'The backups have changed since the preview' : 'Nothing was deleted'}
      action="Delete now"
      isDangerous
      onConfirm={() => apply.mutate(plan.plan_hash)}
      onCancel={onCancel}
    >
      <Text>{planSummary(plan)} Deleted backups can’t be restored, and their copies are deleted, too.</Text>
      {isOutdated && (
        <Button variant="default" onClick={onOutdated}>
          Refresh the preview
        </Button>
      )}
    </Confirmed>
  );
}

function Confirmed({
  children,
  onConfirm,
  isDangerous,
  ...rest
}: Omit<Parameters<typeof FormActions>[0], 'error'> & { isDangerous: boolean; onConfirm: () => void }) {
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const word = useRef<HTMLInputElement>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (rest.request.isPending) return;
    if (!isDangerous || typed.trim() === WORD) return onConfirm();
    setWrong(true);
    word.current?.focus();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {children}
        {isDangerous && (
          <ConfirmInput
            ref={word}
            word={WORD}
            typed={typed}
            wrong={wrong}
            onType={(text) => {
              setTyped(text);
              setWrong(false);
            }}
          />
        )}
        <FormActions {...rest} isDangerous={isDangerous} />
      </Stack>
    </form>
  );
}
