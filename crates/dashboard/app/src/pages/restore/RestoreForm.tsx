import { Button, Fieldset, Group, Radio, Stack, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import type { Archive, RestorePlan } from '../../api/archives';
import { body, client } from '../../api/client';
import { ProblemError } from '../../api/problem';
import { invalidate } from '../../api/queries';
import type { components } from '../../api/schema';
import { IdentityPrompt } from '../../components/IdentityPrompt';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Step } from '../../components/Step';
import { useIsMounted } from '../../components/useIsMounted';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { BackupStep } from './BackupStep';
import {
  CONFIRMATION,
  changesAdministrators,
  DEFAULT_CHOICE,
  MODES,
  type Mode,
  planRequest,
  type RestoreChoice,
} from './planRequest';
import { RestorePreview } from './RestorePreview';
import { ScopeStep } from './ScopeStep';

type RestoreRequest = components['schemas']['RestoreRequest'];

const NAME = 'Restore a backup';

interface PlanInput {
  plan: ReturnType<typeof planRequest>;
  allow_unencrypted: boolean;
  /** The secret key of the backup, if the service does not have it. */
  identity: string | undefined;
}

/** The steps of a restore: the backup, the scope and the mode. Then the preview with the confirmation. */
export function RestoreForm({
  archives,
  chosen,
  mode,
}: {
  archives: Archive[];
  chosen: Archive | undefined;
  /** The mode that is chosen first. */
  mode?: Mode;
}) {
  const [, go] = useLocation();
  const [selected, setSelected] = useState(chosen);
  const id = selected?.id ?? '';
  // Its state may have changed since it was chosen.
  const archive = archives.find((each) => each.id === id) ?? selected;
  const [isUnchosen, setUnchosen] = useState(false);
  const [choice, setChoice] = useState<RestoreChoice>({ ...DEFAULT_CHOICE, ...(mode && { mode }) });
  const [missing, setMissing] = useState<string>();
  // Whether the chosen archive may be restored without encryption, although the service encrypts its archives.
  const [allowUnencrypted, setAllowUnencrypted] = useState(false);
  const [identity, setIdentity] = useState<string>();
  const request = planRequest(choice);
  const plan = useMutation({
    mutationFn: async ({ plan, allow_unencrypted, identity }: PlanInput) => {
      if ('missing' in plan) throw new Error(plan.missing);
      return body(
        await client.POST('/backup/archives/{id}/restore-plan', {
          params: { path: { id } },
          body: { ...plan, allow_unencrypted, ...(identity && { identity }) },
        }),
      );
    },
  });
  const isMounted = useIsMounted();
  const restore = useRequest({
    name: () => NAME,
    send: async (confirmed: RestoreRequest, key, signal) =>
      body(
        await client.POST('/backup/archives/{id}/restore', {
          params: { path: { id }, header: { 'Idempotency-Key': key } },
          body: confirmed,
          signal,
        }),
      ),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: (job) => {
      trackJob(job.id);
      invalidate('jobs');
      // Another page shows the outcome in its notifications.
      if (isMounted.current) go(`/restore/job/${job.id}`);
    },
  });
  const confirm = (of: RestorePlan) => {
    if ('missing' in request) return;
    restore.mutate({
      ...request,
      allow_unencrypted: allowUnencrypted,
      ...(identity && { identity }),
      plan_hash: of.hash,
      confirm: CONFIRMATION,
      confirm_administrators: changesAdministrators(of),
    });
  };
  // A changed choice needs a new preview.
  const change = (next: Partial<RestoreChoice>) => {
    if (restore.isPending) return;
    // The choice to disable administrators belongs to the previous preview.
    setChoice({ ...choice, disable: false, ...next });
    setMissing(undefined);
    plan.reset();
    restore.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (restore.isPending) return;
    if (id === '') return setUnchosen(true);
    if ('missing' in request) return setMissing(request.missing);
    restore.reset();
    if (!plan.isPending) plan.mutate({ plan: request, allow_unencrypted: allowUnencrypted, identity });
  };
  return (
    <Stack>
      <form onSubmit={submit} noValidate>
        {/* The confirmed choice can't be changed until the outcome is known. */}
        <Fieldset variant="unstyled" disabled={restore.isPending}>
          <Stack>
            <Step number={1} title="Which backup">
              <BackupStep
                archives={archives}
                chosen={archive}
                onChoose={(next) => {
                  setSelected(next);
                  setUnchosen(false);
                  setAllowUnencrypted(false);
                  setIdentity(undefined);
                  // The ID of a student may belong to another person in another backup.
                  change({ student: '' });
                }}
                error={isUnchosen ? 'Choose the backup to restore.' : undefined}
              />
            </Step>
            <Step number={2} title="What">
              <ScopeStep
                archiveId={id}
                choice={choice}
                onChange={change}
                missing={missing}
                identity={identity}
                onIdentity={setIdentity}
              />
            </Step>
            <Step number={3} title="How">
              <Radio.Group
                label="How to restore"
                value={choice.mode}
                onChange={(mode) => change({ mode: mode as RestoreChoice['mode'] })}
              >
                <Stack gap="xs" mt="xs">
                  {MODES.map(({ mode, label, description }) => (
                    <Radio key={mode} value={mode} label={label} description={description} />
                  ))}
                </Stack>
              </Radio.Group>
              <Group justify="flex-end">
                <Button type="submit" variant={plan.data ? 'default' : 'filled'} loading={plan.isPending}>
                  {plan.data ? 'Refresh preview' : 'Show preview'}
                </Button>
              </Group>
            </Step>
          </Stack>
        </Fieldset>
      </form>
      {plan.error && (
        <ProblemAlert error={plan.error} title="Can’t restore this">
          {plan.error instanceof ProblemError && plan.error.problem.code === 'archive_unencrypted' && (
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setAllowUnencrypted(true);
                plan.mutate({ plan: request, allow_unencrypted: true, identity });
              }}
            >
              I trust this backup: show the preview
            </Button>
          )}
          <IdentityPrompt
            error={plan.error}
            action="Show the preview with this key"
            pending={plan.isPending}
            onIdentity={(next) => {
              setIdentity(next);
              plan.mutate({ plan: request, allow_unencrypted: allowUnencrypted, identity: next });
            }}
          />
        </ProblemAlert>
      )}
      {plan.data && (
        <Panel label="Preview">
          <Title order={2} size="h4" mb="md">
            Preview and confirmation
          </Title>
          <RestorePreview
            key={plan.data.hash}
            plan={plan.data}
            pending={restore.isPending}
            error={restore.error}
            lookup={restore.lookup && <LookupNotice name={NAME} lookup={restore.lookup} />}
            onConfirm={() => confirm(plan.data)}
            disable={choice.disable}
            onDisable={(disable) => {
              change({ disable });
              plan.mutate({
                plan: planRequest({ ...choice, disable }),
                allow_unencrypted: allowUnencrypted,
                identity,
              });
            }}
          />
        </Panel>
      )}
    </Stack>
  );
}
