import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { hasEnded, job } from '../../api/jobs';
import { invalidate } from '../../api/queries';
import {
  previewRetention,
  type Retention,
  type RetentionPlan,
  type RetentionPolicy,
} from '../../api/retention';
import { FormDialog } from '../../components/FormDialog';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { SavedNotice } from '../../components/SavedNotice';
import { useDialog } from '../../components/useDialog';
import { counted } from '../../locale/format';
import { DANGER } from '../../theme';
import { ApplyPlan, SavePolicy } from './ConfirmDeletion';
import { PlanView } from './PlanView';
import { PolicyForm } from './PolicyForm';
import { PolicyState } from './PolicyState';
import { isSamePolicy, PROPOSED_POLICY } from './policyForm';
import { TurnOff } from './TurnOff';

type DialogRequest =
  | { kind: 'save'; policy: RetentionPolicy; plan: RetentionPlan }
  | { kind: 'apply'; plan: RetentionPlan }
  | { kind: 'off' };

const TITLES = { save: 'Save the policy', apply: 'Delete old backups now', off: 'Turn retention off' };

/** The form, and the preview of the current or of an edited policy. Only a previewed policy can be saved. */
export function RetentionContent({ retention }: { retention: Retention }) {
  const { policy: current } = retention;
  const [edited, setEdited] = useState<RetentionPolicy>();
  const [saved, setSaved] = useState<string>();
  const dialog = useDialog<DialogRequest>();
  const followJob = useRetentionJob();
  const shown = edited ?? current;
  const isCurrent = current !== null && shown !== null && isSamePolicy(shown, current);
  const plan = useQuery({
    // The hash belongs to the saved policy, so a preview of it is another one after a change.
    queryKey: ['retention', 'plan', shown, isCurrent],
    queryFn: () => previewRetention(isCurrent ? null : shown),
    enabled: shown !== null,
    staleTime: 0,
  });
  const done = (text: string, close: () => void) => {
    setEdited(undefined);
    setSaved(text);
    close();
  };
  return (
    <>
      <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
      <PolicyState retention={retention} />
      <Panel label="Policy">
        <PolicyForm
          key={current === null ? 'off' : 'on'}
          initial={current ?? PROPOSED_POLICY}
          error={edited ? plan.error : null}
          isPending={edited !== undefined && plan.isFetching}
          onPreview={(policy) => {
            setEdited(policy);
            if (edited && isSamePolicy(edited, policy)) plan.refetch();
          }}
        />
      </Panel>
      {shown && (
        <Panel label="Preview">
          <Stack gap="md">
            <Title order={2} size="h4">
              {isCurrent ? 'Preview of the current policy' : 'Preview of the new policy'}
            </Title>
            {plan.error && !edited && (
              <ProblemAlert
                error={plan.error}
                title="There is no preview"
                again={{ label: 'Try again', act: () => plan.refetch() }}
              />
            )}
            {plan.isFetching && !plan.data && <Loader aria-label="Loading the preview" />}
            {plan.data && (
              <>
                <PlanActions
                  plan={plan.data}
                  isCurrent={isCurrent}
                  onSave={() => dialog.open({ kind: 'save', policy: shown, plan: plan.data })}
                  onApply={() => dialog.open({ kind: 'apply', plan: plan.data })}
                />
                <PlanView plan={plan.data} />
              </>
            )}
          </Stack>
        </Panel>
      )}
      {current && (
        <Group>
          <Button variant="default" onClick={() => dialog.open({ kind: 'off' })}>
            Turn retention off…
          </Button>
        </Group>
      )}
      <FormDialog dialog={dialog} title={({ kind }) => TITLES[kind]}>
        {(subject, close) => {
          switch (subject.kind) {
            case 'save':
              return (
                <SavePolicy
                  plan={subject.plan}
                  policy={subject.policy}
                  onDone={() => done('The policy was saved.', close)}
                  onCancel={close}
                />
              );
            case 'apply':
              return (
                <ApplyPlan
                  plan={subject.plan}
                  onStarted={(id) => {
                    followJob(id);
                    done('The deletion has begun. Its progress is shown at the top of the page.', close);
                  }}
                  onOutdated={() => {
                    plan.refetch();
                    close();
                  }}
                  onCancel={close}
                />
              );
            case 'off':
              return (
                <TurnOff
                  onDone={() => done('Retention is off. No backup is deleted by it.', close)}
                  onCancel={close}
                />
              );
          }
        }}
      </FormDialog>
    </>
  );
}

/** Reloads the policy and the preview when the job with this id has ended. */
function useRetentionJob(): (id: string) => void {
  const [id, setId] = useState<string>();
  const { data } = useQuery({ ...job(id ?? ''), enabled: id !== undefined });
  const isEnded = data !== undefined && hasEnded(data);
  useEffect(() => {
    if (isEnded) invalidate('retention', 'archives', 'health');
  }, [isEnded]);
  return setId;
}

/** The next step: save a new policy, or apply the current one now. */
function PlanActions({
  plan,
  isCurrent,
  onSave,
  onApply,
}: {
  plan: RetentionPlan;
  isCurrent: boolean;
  onSave: () => void;
  onApply: () => void;
}) {
  const count = plan.delete.length;
  if (!isCurrent) {
    return (
      <Group>
        <Button onClick={onSave}>Save this policy…</Button>
      </Group>
    );
  }
  if (count === 0 || plan.held) return null;
  return (
    <Group>
      <Button color={DANGER} variant="light" onClick={onApply}>
        Delete {counted(count, 'backup', 'backups')} now…
      </Button>
      <Text size="sm" c="dimmed">
        Otherwise the service deletes them after the next backup, or in an hour.
      </Text>
    </Group>
  );
}
