import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { nameOf } from '../api/tables';
import { number } from '../locale/format';
import classes from './TableCounts.module.css';

export interface Line {
  table: string;
  /** Replaces the name of the table. */
  head?: ReactNode;
  numbers: number[];
}

/** The number of columns that fit on a phone. */
const PHONE_COLUMNS = 2;

/** Numbers of each table, side by side. Zero is a dash, so that other numbers stand out. */
export function TableCounts({
  label,
  heads,
  lines,
  danger,
}: {
  label: string;
  heads: string[];
  lines: Line[];
  /** The column that is shown in red. */
  danger?: string;
}) {
  const layout = heads.length > PHONE_COLUMNS ? `${classes.scrolling} ${classes.wide}` : classes.scrolling;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
    <section className={layout} tabIndex={0} aria-label={label}>
      {/* These are the default roles. Safari drops them if the CSS does not display the table as a table. */}
      <Table verticalSpacing={6} role="table">
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            <Table.Th scope="col" role="columnheader">
              Table
            </Table.Th>
            {heads.map((head) => (
              <Table.Th key={head} scope="col" role="columnheader" className={classes.number}>
                {head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {lines.map(({ table, head, numbers }) => (
            <Table.Tr key={table} role="row">
              <Table.Th scope="row" role="rowheader">
                {head ?? nameOf(table)}
              </Table.Th>
              {heads.map((name, index) => {
                const count = numbers[index] ?? 0;
                return (
                  <Table.Td
                    key={name}
                    role="cell"
                    data-heading={name}
                    className={name === danger && count > 0 ? classes.danger : classes.number}
                  >
                    {count > 0 ? number(count) : '–'}
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
