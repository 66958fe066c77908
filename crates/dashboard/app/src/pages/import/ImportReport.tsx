import { Button, Stack, Text } from '@mantine/core';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import { type Job, resultOf, stringField } from '../../api/jobs';
import { nameOf, TABLES } from '../../api/tables';
import { JobOutcome } from '../../components/JobOutcome';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { TableCounts } from '../../components/TableCounts';
import { UndoButton } from '../../components/UndoButton';
import { counted, dateTime, plural, rows } from '../../locale/format';
import { fileOf, forgetImport } from '../../transfers/imports';
import { current, subscribe } from '../../transfers/stagedImports';
import { ImportFiles } from './ImportFiles';
import { planTotals } from './plan';
import { useSendFile } from './useSendFile';

/** The progress of an import, and its report. */
export function ImportReport({ id }: { id: string }) {
  return (
    <Stack>
      <JobOutcome
        id={id}
        noun="import"
        failed="Nothing was imported"
        report={(job) => <Report job={job} />}
        next={(job) => (
          <>
            {job.state !== 'succeeded' && <PlanAgain job={job} />}
            <Button component={Link} href="/import" variant="default">
              Import another file
            </Button>
          </>
        )}
      />
      <ImportFiles />
    </Stack>
  );
}

/** After a failure: a new plan of the same file, or the plan where the file can be chosen again. */
function PlanAgain({ job }: { job: Job }) {
  const id = stringField(job, 'import_id') ?? '';
  const staged = useSyncExternalStore(subscribe, current).find((each) => each.id === id);
  const send = useSendFile();
  const file = fileOf(id);
  if (!file || !staged) {
    return (
      <Button component={Link} href={`/import/${id}`} variant="default">
        Show the plan
      </Button>
    );
  }
  return <Button onClick={() => send(file, staged.request, id)}>Make a new plan</Button>;
}

function Report({ job }: { job: Job }) {
  const report = resultOf(job, 'import');
  const importId = report?.import_id;
  const [undoneRows, setUndoneRows] = useState<number>();
  useEffect(() => {
    if (importId) forgetImport(importId);
  }, [importId]);
  if (!report) return null;
  const { tables, table, skipped_wrong, undo_until } = report;
  const { total } = planTotals({ tables });
  const canUndo = undo_until != null && Date.parse(undo_until) > Date.now();
  return (
    <Panel label="Import report">
      <Stack>
        <Notice kind="success" role="status" title={`Import complete: ${nameOf(table).toLowerCase()}`}>
          {rows(total)} {plural(total, 'was', 'were')} imported on {dateTime(report.applied_at)}. The service
          checked counts, sums and references before it saved the changes.
          {skipped_wrong > 0 && ` ${counted(skipped_wrong, 'wrong row was', 'wrong rows were')} left out.`}
        </Notice>
        <TableCounts
          label="Imported rows by table"
          heads={['Added', 'Changed', 'Deleted', 'Rows now']}
          lines={TABLES.flatMap((each) => {
            const of = tables[each];
            return of ? [{ table: each, numbers: [of.inserted, of.updated, of.removed, of.rows] }] : [];
          })}
        />
        {undoneRows !== undefined ? (
          <Notice kind="success" role="status" title="Undone">
            {rows(undoneRows)} {plural(undoneRows, 'is', 'are')} as before the import.
          </Notice>
        ) : (
          canUndo && (
            <Stack gap="xs" align="flex-start">
              <Text size="sm">
                You can undo this until {dateTime(undo_until)}, or until another change of these tables.
              </Text>
              <UndoButton
                id={job.id}
                kind="import"
                what={nameOf(table).toLowerCase()}
                onDone={setUndoneRows}
              />
            </Stack>
          )
        )}
      </Stack>
    </Panel>
  );
}
