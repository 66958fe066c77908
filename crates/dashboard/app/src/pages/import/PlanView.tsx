import { Button, Group, List, Stack, Text, Title } from '@mantine/core';
import { useCallback, useState, useSyncExternalStore } from 'react';
import { Link, useLocation } from 'wouter';
import type { ImportOptions, ImportPlan } from '../../api/imports';
import { nameOf } from '../../api/tables';
import { FileArea } from '../../components/FileArea';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { bytes, dateTime, rows } from '../../locale/format';
import { fileOf } from '../../transfers/imports';
import { current, subscribe } from '../../transfers/stagedImports';
import { ColumnMatching } from './ColumnMatching';
import { ConfirmImport } from './ConfirmImport';
import { FILE_ENDINGS } from './columns';
import { DiscardButton } from './DiscardButton';
import { ImportFiles } from './ImportFiles';
import { OptionsPanel } from './OptionsPanel';
import { requestOf } from './options';
import { PlanCounts } from './PlanCounts';
import { PlanErrors } from './PlanErrors';
import { RowChanges } from './RowChanges';
import { useSendFile } from './useSendFile';
import { inWords } from './words';

/** A plan: what would change, what is wrong, and how the file was read. It can be made again, discarded or applied. */
export function PlanView({ plan }: { plan: ImportPlan }) {
  const { id } = plan;
  const [, go] = useLocation();
  const staged = useSyncExternalStore(subscribe, current).find((each) => each.id === id);
  const [request] = useState(() => requestOf(plan, staged));
  const [options, setOptions] = useState(request.options);
  const isChanged = JSON.stringify(options) !== JSON.stringify(request.options);
  const send = useSendFile();
  const file = fileOf(id);
  const planAgain = useCallback(
    (next: File, changed: Partial<ImportOptions> = {}) =>
      send(next, { ...request, options: { ...options, ...changed } }, id),
    [send, request, options, id],
  );
  const onFiles = useCallback(
    ([first]: FileList) => {
      if (first) planAgain(first);
    },
    [planAgain],
  );
  const name = plan.file.name ?? 'The file';
  const table = nameOf(plan.table);
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={2} size="h3">
            <bdi>{name}</bdi> into {table.toLowerCase()}
          </Title>
          <Text size="sm" c="dimmed">
            {factsOf(plan)} Nothing has changed yet. You can apply this plan until {dateTime(plan.expires_at)}
            .
          </Text>
        </div>
        <Group gap="xs">
          <Button component={Link} href="/import" variant="default" size="xs">
            Import another file
          </Button>
          <DiscardButton id={id} name={name} size="xs" onDone={() => go('/import')} />
        </Group>
      </Group>
      {isChanged && (
        <Notice kind="warning" role="status" title="This plan is outdated">
          <Stack gap="xs" align="flex-start">
            <Text size="sm">
              You have changed how the file is read.{' '}
              {file ? 'Make a new plan.' : 'Choose the file again below. This page no longer has it.'}
            </Text>
            {file && (
              <Button size="xs" onClick={() => planAgain(file)}>
                Make a new plan
              </Button>
            )}
          </Stack>
        </Notice>
      )}
      <Panel label="Plan">
        <Stack>
          <PlanCounts plan={plan} />
          {plan.notes.length > 0 && (
            <Notice kind="info" role="note" title="Noticed in the file">
              <List size="sm">
                {plan.notes.map((note) => (
                  <List.Item key={note}>{inWords(note)}</List.Item>
                ))}
              </List>
            </Notice>
          )}
        </Stack>
      </Panel>
      {plan.errors.length > 0 && (
        <PlanErrors
          plan={plan}
          onSkip={
            file && !plan.skip_wrong && plan.mode !== 'replace'
              ? () => planAgain(file, { skipWrong: true })
              : undefined
          }
        />
      )}
      <Panel label="Columns">
        <ColumnMatching
          plan={plan}
          mapping={options.columns}
          onChange={(columns) => setOptions({ ...options, columns })}
        />
      </Panel>
      {plan.changes.length > 0 && <RowChanges plan={plan} />}
      {plan.can_apply && !isChanged && <ConfirmImport plan={plan} />}
      <FileArea
        title="Another version of this file"
        text="Correct the file and choose it again, or drop it anywhere on this page. Its plan replaces this one."
        inputLabel="Corrected file"
        accept={FILE_ENDINGS}
        onFiles={onFiles}
      >
        <OptionsPanel request={{ ...request, options }} onChange={setOptions} hasHeadings />
        <ImportFiles />
      </FileArea>
    </Stack>
  );
}

/** How the file was read, such as `CSV, UTF-8, 402 rows, 48 kB.` */
function factsOf({ file, rows: counts }: ImportPlan): string {
  const parts = [
    file.format.toUpperCase(),
    file.encoding,
    file.sheet && `sheet “${file.sheet}”`,
    rows(counts.read),
    bytes(file.bytes),
  ];
  return `${parts.filter(Boolean).join(', ')}.`;
}
