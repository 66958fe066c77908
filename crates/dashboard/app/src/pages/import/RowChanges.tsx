import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ImportPlan } from '../../api/imports';
import { type Names, nameOfReference, nameOfRow, names } from '../../api/names';
import type { Table } from '../../api/tables';
import { CHANGE_LOOKS, FieldChanges } from '../../components/FieldChanges';
import { valueText } from '../../components/headings';
import { Panel } from '../../components/Panel';
import { counted, dateTimeZone, money, number } from '../../locale/format';
import classes from './Import.module.css';
import { planTotals } from './plan';

/** The number of changes that are shown first. */
const FIRST = 10;

const KINDS = { new: 'added', changed: 'changed', removed: 'removed' } as const;
const SIDES = { before: 'Now', after: 'Afterwards' };
const NO_IDENTITY = () => undefined;

/** The first changes row by row, with only the fields that change. */
export function RowChanges({ plan }: { plan: ImportPlan }) {
  const [isAll, setAll] = useState(false);
  const table = plan.table as Table;
  // The current rows name students and courses. A row that is only in the file has no name yet.
  const { data } = useQuery(names('live', 'live', table, NO_IDENTITY));
  const { changes } = plan;
  const shown = isAll ? changes : changes.slice(0, FIRST);
  const total = planTotals(plan).total;
  return (
    <Panel label="Changes">
      <Stack>
        <Title order={3} size="h4">
          Changes
        </Title>
        <ul className={classes.changes}>
          {shown.map((change) => (
            <li key={`${change.row} ${change.id}`}>
              <RowChange change={change} table={table} of={data?.to} />
            </li>
          ))}
        </ul>
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {shown.length < total
              ? `The first ${number(shown.length)} of ${number(total)} changes.`
              : counted(total, 'change', 'changes')}
          </Text>
          {shown.length < changes.length && (
            <Button size="xs" variant="default" onClick={() => setAll(true)}>
              Show {number(changes.length - shown.length)} more
            </Button>
          )}
        </Group>
      </Stack>
    </Panel>
  );
}

function RowChange({
  change: { kind, row, id, fields },
  table,
  of,
}: {
  change: ImportPlan['changes'][number];
  table: Table;
  of: Names | undefined;
}) {
  const shownKind = KINDS[kind];
  const { label, color } = CHANGE_LOOKS[shownKind];
  const name = id == null ? undefined : nameOfRow(of, table, id);
  const text = (column: string, value: string | null | undefined) =>
    nameOfReference(of, column, value) ?? fieldText(column, value);
  return (
    <>
      <Group gap="sm">
        <Badge variant="light" color={color}>
          {label}
        </Badge>
        {name && (
          <Text fw={600}>
            <bdi>{name}</bdi>
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {[row != null && `Row ${number(row)}`, id != null && `ID ${id}`].filter(Boolean).join(', ')}
        </Text>
      </Group>
      <FieldChanges
        kind={shownKind}
        fields={fields.map(({ column, old, new: next }) => ({
          field: column,
          before: text(column, old),
          after: text(column, next),
        }))}
        sides={SIDES}
      />
    </>
  );
}

/** A time in UTC, as archives have it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** The columns with amounts. */
const AMOUNTS = ['amount_paid', 'fee'];

function fieldText(column: string, value: string | null | undefined): string {
  if (value == null) return valueText(value);
  if (AMOUNTS.includes(column) && !Number.isNaN(Number(value))) return money(value);
  return TIME.test(value) ? dateTimeZone(value) : valueText(value);
}
