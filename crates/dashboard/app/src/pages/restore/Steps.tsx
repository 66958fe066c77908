import { Alert, Button, Checkbox, Fieldset, Group, Radio, Stack, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, isDamaged, type RestorePlan } from '../../api/archives';
import { body, client } from '../../api/client';
import { Refusal } from '../../api/problem';
import { changed } from '../../api/queries';
import type { components } from '../../api/schema';
import { nameOf, TABLES } from '../../api/tables';
import { ArchiveSelect } from '../../parts/ArchiveSelect';
import { Icon } from '../../parts/Icon';
import { Panel } from '../../parts/Panel';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { verified } from '../../parts/verified';
import { follow } from '../../requests/jobNews';
import { asJob } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import { DANGER } from '../../theme';
import { Plan } from './Plan';
import { changesAdministrators, EVERYTHING, MODES, request, type Wanted, WORD } from './request';

type RestoreRequest = components['schemas']['RestoreRequest'];

const NAME = 'Restore a backup';

/** What a plan is asked for. */
interface Asked {
  asked: ReturnType<typeof request>;
  allow_unencrypted: boolean;
}

/** Which archive, what of it and how; then the plan, and the word. */
export function Steps({ archives, chosen }: { archives: Archive[]; chosen: Archive | undefined }) {
  const [, go] = useLocation();
  const [id, setId] = useState(chosen?.id ?? '');
  const [unchosen, setUnchosen] = useState(false);
  const archive = archives.find((each) => each.id === id);
  const [wanted, setWanted] = useState<Wanted>(EVERYTHING);
  const [missing, setMissing] = useState<string>();
  // Of the archive that is chosen, although the service encrypts its archives.
  const [allowUnencrypted, setAllowUnencrypted] = useState(false);
  const asked = request(wanted);
  const plan = useMutation({
    mutationFn: async ({ asked, allow_unencrypted }: Asked) => {
      if ('missing' in asked) throw new Error(asked.missing);
      return body(
        await client.POST('/backup/archives/{id}/restore-plan', {
          params: { path: { id } },
          body: { ...asked, allow_unencrypted },
        }),
      );
    },
  });
  const mounted = useRef(false);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
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
    lookUp: (_, key) => asJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: (job) => {
      follow(job.id);
      changed('jobs');
      // Who has gone to another page is told there how it ends.
      if (mounted.current) go(`/restore/job/${job.id}`);
    },
  });
  const confirm = (of: RestorePlan) => {
    if ('missing' in asked) return;
    restore.mutate({
      ...asked,
      allow_unencrypted: allowUnencrypted,
      plan_hash: of.hash,
      confirm: WORD,
      confirm_administrators: changesAdministrators(of),
    });
  };
  // A plan is of what was asked; other questions need another.
  const change = (next: Partial<Wanted>) => {
    if (restore.isPending) return;
    // Whoever asks for something else has not asked to disable anybody there.
    setWanted({ ...wanted, disable: false, ...next });
    setMissing(undefined);
    plan.reset();
    restore.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (restore.isPending) return;
    if (id === '') return setUnchosen(true);
    if ('missing' in asked) return setMissing(asked.missing);
    restore.reset();
    if (!plan.isPending) plan.mutate({ asked, allow_unencrypted: allowUnencrypted });
  };
  return (
    <Stack>
      <Panel label="What to restore">
        <form onSubmit={submit} noValidate>
          {/* What was confirmed stays as it is until its outcome is known. */}
          <Fieldset variant="unstyled" disabled={restore.isPending}>
            <Stack gap="lg">
              <ArchiveSelect
                label="Archive"
                archives={archives}
                value={id}
                onChoose={(next) => {
                  setId(next);
                  setUnchosen(false);
                  setAllowUnencrypted(false);
                  change({});
                }}
                error={unchosen ? 'Choose the backup to restore.' : undefined}
              />
              {archive && isDamaged(archive) && (
                <Alert
                  color={DANGER}
                  variant="light"
                  icon={<Icon name="error" />}
                  role="note"
                  title="Damaged"
                >
                  {verified(archive).words} It can’t be restored. Choose another backup.
                </Alert>
              )}
              <Radio.Group
                label="What"
                value={wanted.what}
                onChange={(what) => change({ what: what as Wanted['what'] })}
              >
                <Stack gap="xs" mt="xs">
                  <Radio value="all" label="Everything" />
                  <Radio value="tables" label="Some tables" />
                  <Radio value="student" label="One student, with everything that belongs to them" />
                </Stack>
              </Radio.Group>
              {wanted.what === 'tables' && (
                <Checkbox.Group
                  label="Tables"
                  value={wanted.tables}
                  onChange={(tables) => change({ tables: tables as Wanted['tables'] })}
                  error={missing}
                >
                  <Group mt="xs">
                    {TABLES.map((table) => (
                      <Checkbox key={table} value={table} label={nameOf(table)} />
                    ))}
                  </Group>
                </Checkbox.Group>
              )}
              {wanted.what === 'student' && (
                <TextInput
                  label="ID of the student"
                  inputMode="numeric"
                  value={wanted.student}
                  onChange={(event) => change({ student: event.currentTarget.value })}
                  error={missing}
                />
              )}
              <Radio.Group
                label="How"
                value={wanted.mode}
                onChange={(mode) => change({ mode: mode as Wanted['mode'] })}
              >
                <Stack gap="xs" mt="xs">
                  {MODES.map(({ mode, label, words }) => (
                    <Radio key={mode} value={mode} label={label} description={words} />
                  ))}
                </Stack>
              </Radio.Group>
              <Group justify="flex-end">
                <Button type="submit" variant={plan.data ? 'default' : 'filled'} loading={plan.isPending}>
                  {plan.data ? 'Look again' : 'Show what would change'}
                </Button>
              </Group>
            </Stack>
          </Fieldset>
        </form>
      </Panel>
      {plan.error && (
        <ProblemAlert error={plan.error} title="There is no plan">
          {plan.error instanceof Refusal && plan.error.problem.code === 'archive_unencrypted' && (
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setAllowUnencrypted(true);
                plan.mutate({ asked, allow_unencrypted: true });
              }}
            >
              I know where it comes from: show the plan
            </Button>
          )}
        </ProblemAlert>
      )}
      {plan.data && (
        <Panel label="The plan">
          <Title order={2} size="h4" mb="md">
            What would change
          </Title>
          <Plan
            key={plan.data.hash}
            plan={plan.data}
            pending={restore.isPending}
            error={restore.error}
            unsettled={restore.unsettled && <UnsettledNote name={NAME} unsettled={restore.unsettled} />}
            onConfirm={() => confirm(plan.data)}
            disable={wanted.disable}
            onDisable={(disable) => {
              change({ disable });
              plan.mutate({ asked: request({ ...wanted, disable }), allow_unencrypted: allowUnencrypted });
            }}
          />
        </Panel>
      )}
    </Stack>
  );
}
