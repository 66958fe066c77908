import { Button, Checkbox, Fieldset, Group, Radio, Stack, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, isDamaged, type RestorePlan } from '../../api/archives';
import { body, client } from '../../api/client';
import { ProblemError } from '../../api/problem';
import { invalidate } from '../../api/queries';
import type { components } from '../../api/schema';
import { nameOf, TABLES } from '../../api/tables';
import { ArchiveSelect } from '../../components/ArchiveSelect';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { verificationStatus } from '../../components/verification';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import {
  CONFIRMATION,
  changesAdministrators,
  DEFAULT_CHOICE,
  MODES,
  planRequest,
  type RestoreChoice,
} from './planRequest';
import { RestorePreview } from './RestorePreview';

type RestoreRequest = components['schemas']['RestoreRequest'];

const NAME = 'Restore a backup';

interface PlanInput {
  plan: ReturnType<typeof planRequest>;
  allow_unencrypted: boolean;
}

/** Chooses the backup, the scope and the mode. Then it shows the preview with the confirmation. */
export function RestoreForm({ archives, chosen }: { archives: Archive[]; chosen: Archive | undefined }) {
  const [, go] = useLocation();
  const [id, setId] = useState(chosen?.id ?? '');
  const [isUnchosen, setUnchosen] = useState(false);
  const archive = archives.find((each) => each.id === id);
  const [choice, setChoice] = useState<RestoreChoice>(DEFAULT_CHOICE);
  const [missing, setMissing] = useState<string>();
  // Whether the chosen archive may be restored without encryption, although the service encrypts its archives.
  const [allowUnencrypted, setAllowUnencrypted] = useState(false);
  const request = planRequest(choice);
  const plan = useMutation({
    mutationFn: async ({ plan, allow_unencrypted }: PlanInput) => {
      if ('missing' in plan) throw new Error(plan.missing);
      return body(
        await client.POST('/backup/archives/{id}/restore-plan', {
          params: { path: { id } },
          body: { ...plan, allow_unencrypted },
        }),
      );
    },
  });
  const isMounted = useRef(false);
  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
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
    if (!plan.isPending) plan.mutate({ plan: request, allow_unencrypted: allowUnencrypted });
  };
  return (
    <Stack>
      <Panel label="Backup and options">
        <form onSubmit={submit} noValidate>
          {/* The confirmed choice can't be changed until the outcome is known. */}
          <Fieldset variant="unstyled" disabled={restore.isPending}>
            <Stack gap="lg">
              <ArchiveSelect
                label="Backup"
                archives={archives}
                value={id}
                onChoose={(next) => {
                  setId(next);
                  setUnchosen(false);
                  setAllowUnencrypted(false);
                  change({});
                }}
                error={isUnchosen ? 'Choose the backup to restore.' : undefined}
              />
              {archive && isDamaged(archive) && (
                <Notice kind="error" role="note" title="Damaged">
                  {verificationStatus(archive).description} It can’t be restored. Choose another backup.
                </Notice>
              )}
              <Radio.Group
                label="What to restore"
                value={choice.what}
                onChange={(what) => change({ what: what as RestoreChoice['what'] })}
              >
                <Stack gap="xs" mt="xs">
                  <Radio value="all" label="Everything" />
                  <Radio value="tables" label="Some tables" />
                  <Radio value="student" label="One student, with all their records" />
                </Stack>
              </Radio.Group>
              {choice.what === 'tables' && (
                <Checkbox.Group
                  label="Tables"
                  value={choice.tables}
                  onChange={(tables) => change({ tables: tables as RestoreChoice['tables'] })}
                  error={missing}
                >
                  <Group mt="xs">
                    {TABLES.map((table) => (
                      <Checkbox key={table} value={table} label={nameOf(table)} />
                    ))}
                  </Group>
                </Checkbox.Group>
              )}
              {choice.what === 'student' && (
                <TextInput
                  label="ID of the student"
                  inputMode="numeric"
                  value={choice.student}
                  onChange={(event) => change({ student: event.currentTarget.value })}
                  error={missing}
                />
              )}
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
            </Stack>
          </Fieldset>
        </form>
      </Panel>
      {plan.error && (
        <ProblemAlert error={plan.error} title="Can’t restore this">
          {plan.error instanceof ProblemError && plan.error.problem.code === 'archive_unencrypted' && (
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setAllowUnencrypted(true);
                plan.mutate({ plan: request, allow_unencrypted: true });
              }}
            >
              I trust this backup: show the preview
            </Button>
          )}
        </ProblemAlert>
      )}
      {plan.data && (
        <Panel label="Preview">
          <Title order={2} size="h4" mb="md">
            Preview
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
              plan.mutate({ plan: planRequest({ ...choice, disable }), allow_unencrypted: allowUnencrypted });
            }}
          />
        </Panel>
      )}
    </Stack>
  );
}
