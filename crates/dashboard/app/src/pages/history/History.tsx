import { Button, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { type BackupHistory, history } from '../../api/history';
import { nameOf, TABLES } from '../../api/tables';
import { Notice } from '../../components/Notice';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { QueryState } from '../../components/QueryState';
import { bytes, number } from '../../locale/format';
import { browserZone } from '../../locale/zone';
import { addressState, replaceAddressState } from '../../shell/address';
import { Chart } from './Chart';
import { FAILED, MISSED } from './colors';
import classes from './History.module.css';
import { HistoryTable } from './HistoryTable';
import { compact } from './labels';
import { describeMoment, rowsIn, sizeOf, summaryOf } from './messages';
import { chartData, momentsOf, tablesOf } from './series';

const PERIODS = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: 'all', label: 'All' },
];

/** The period in the address, or the shortest one. */
function addressedPeriod(): string {
  const wanted = addressState().get('days');
  return PERIODS.find(({ value }) => value === wanted)?.value ?? '30';
}

/** Rows and sizes of the backups over time, and the scheduled runs without a backup. */
export default function History() {
  const [period, setPeriod] = useState(addressedPeriod);
  const query = useQuery(history(period === 'all' ? undefined : Number(period)));
  const { data } = query;
  const choose = (next: string) => {
    setPeriod(next);
    replaceAddressState(new URLSearchParams({ days: next }));
  };
  return (
    <>
      <PageHeader
        title="History"
        lead="How many rows and bytes the backups had, and which scheduled runs made none."
      >
        <SegmentedControl aria-label="Period" data={PERIODS} value={period} onChange={choose} />
      </PageHeader>
      <Stack gap="lg">
        <QueryState query={query} name="history" height="16rem" />
        {data && data.backups.length === 0 && data.runs.length === 0 && (
          <Text>This service has created no backup in this time.</Text>
        )}
        {data && data.backups.length + data.runs.length > 0 && <Charts history={data} />}
      </Stack>
    </>
  );
}

function Charts({ history }: { history: BackupHistory }) {
  const [isTable, setTable] = useState(false);
  const { backups, runs } = history;
  const moments = useMemo(() => momentsOf(history), [history]);
  const sizes = useMemo(() => chartData(moments, ({ size }) => size), [moments]);
  const tables = useMemo(() => {
    const names = tablesOf(backups, TABLES);
    return names.map((table) => ({ table, data: chartData(moments, ({ rows }) => rows[table] ?? 0) }));
  }, [backups, moments]);
  const newest = backups[backups.length - 1];
  return (
    <>
      {!history.complete && (
        <Notice kind="info" role="note" title="Only the newest backups and runs are shown">
          Choose a shorter time.
        </Notice>
      )}
      <Panel label="Size of the backups">
        <Heading title="Size of the backups" value={newest && bytes(newest.size)} />
        <Chart
          summary={summaryOf('Size of the backups', backups, sizeOf)}
          data={sizes}
          height={220}
          format={bytes}
          describe={(place) => describeMoment(moments[place], sizeOf)}
        />
        <Legend runs={runs} />
      </Panel>
      <section aria-label="Rows by table" className={classes.grid}>
        {tables.map(({ table, data }) => (
          <Panel key={table} label={`Rows of ${nameOf(table)}`}>
            <Heading title={nameOf(table)} value={newest && number(newest.rows[table] ?? 0)} unit="rows" />
            <Chart
              summary={summaryOf(nameOf(table), backups, rowsIn(table))}
              data={data}
              height={160}
              format={compact}
              describe={(place) => describeMoment(moments[place], rowsIn(table))}
            />
          </Panel>
        ))}
      </section>
      <Text size="sm" c="dimmed">
        Times are in {browserZone()}. Safety backups and uploaded files are left out.
      </Text>
      <div>
        <Button
          variant="default"
          aria-expanded={isTable}
          aria-controls="history-table"
          onClick={() => setTable(!isTable)}
        >
          {isTable ? 'Hide the table' : 'Show the numbers as a table'}
        </Button>
      </div>
      <div id="history-table">
        {isTable && <HistoryTable moments={moments} tables={tables.map(({ table }) => table)} />}
      </div>
    </>
  );
}

function Heading({ title, value, unit }: { title: string; value: string | undefined; unit?: string }) {
  return (
    <Group justify="space-between" gap="md" mb="xs">
      <Title order={2} size="h5">
        {title}
      </Title>
      {value !== undefined && (
        <Text component="span" c="dimmed" size="sm">
          {value}
          {unit && ` ${unit}`}
        </Text>
      )}
    </Group>
  );
}

/** The meaning of the marks, with the number of runs of each kind. */
function Legend({ runs }: { runs: BackupHistory['runs'] }) {
  const failed = runs.filter(({ state }) => state === 'failed').length;
  return (
    <Group gap="lg" mt="xs">
      <Mark color={FAILED} isFilled text={`Failed run (${number(failed)})`} />
      <Mark color={MISSED} text={`Missed run (${number(runs.length - failed)})`} />
      {runs.length > 0 && (
        <Text size="sm" c="dimmed">
          Point at a mark for the reason.
        </Text>
      )}
    </Group>
  );
}

function Mark({ color, isFilled = false, text }: { color: string; isFilled?: boolean; text: string }) {
  const value = `var(${color})`;
  return (
    <Group gap="xs">
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        <circle cx="6" cy="6" r="4.5" stroke={value} strokeWidth="2" fill={isFilled ? value : 'none'} />
      </svg>
      <Text size="sm" c="dimmed">
        {text}
      </Text>
    </Group>
  );
}
