import { Anchor, Table } from '@mantine/core';
import { Link } from 'wouter';
import { nameOf } from '../../api/tables';
import { bytes, dateTimeZone, number } from '../../locale/format';
import classes from './History.module.css';
import { runText } from './messages';
import type { Moment } from './series';

/** The numbers of the charts, the newest first. */
export function HistoryTable({ moments, tables }: { moments: readonly Moment[]; tables: readonly string[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
    <section className={classes.scrolling} tabIndex={0} aria-label="Numbers of the history">
      <Table stickyHeader>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Time</Table.Th>
            <Table.Th scope="col" ta="end">
              Size
            </Table.Th>
            {tables.map((table) => (
              <Table.Th key={table} scope="col" ta="end">
                {nameOf(table)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {moments.toReversed().map((moment) => (
            <MomentRow key={keyOf(moment)} moment={moment} tables={tables} />
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

const keyOf = (moment: Moment): string =>
  moment.kind === 'backup' ? moment.backup.id : `${moment.run.schedule_id} ${moment.run.at}`;

function MomentRow({ moment, tables }: { moment: Moment; tables: readonly string[] }) {
  if (moment.kind === 'run') {
    return (
      <Table.Tr>
        <Table.Th scope="row">{dateTimeZone(moment.run.at)}</Table.Th>
        <Table.Td colSpan={tables.length + 1}>{runText(moment.run)}</Table.Td>
      </Table.Tr>
    );
  }
  const { id, created_at, size, rows } = moment.backup;
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <Anchor component={Link} href={`/archives/${id}`} size="sm" underline="always">
          {dateTimeZone(created_at)}
        </Anchor>
      </Table.Th>
      <Table.Td ta="end">{bytes(size)}</Table.Td>
      {tables.map((table) => (
        <Table.Td key={table} ta="end">
          {number(rows[table] ?? 0)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}
