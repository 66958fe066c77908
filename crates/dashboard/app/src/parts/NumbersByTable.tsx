import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { nameOf } from '../api/tables';
import { number } from '../locale/format';
import classes from './NumbersByTable.module.css';

export interface Line {
  table: string;
  /** Instead of the table's name. */
  head?: ReactNode;
  numbers: number[];
}

/** Numbers of each table, side by side. Nothing is a dash, so that what is not nothing is seen. */
export function NumbersByTable({
  label,
  heads,
  lines,
  danger,
}: {
  label: string;
  heads: string[];
  lines: Line[];
  /** The column whose numbers are dangerous. */
  danger?: string;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
    <section className={classes.scrolling} tabIndex={0} aria-label={label}>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Table</Table.Th>
            {heads.map((head) => (
              <Table.Th key={head} scope="col" className={classes.number}>
                {head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines.map(({ table, head, numbers }) => (
            <Table.Tr key={table}>
              <Table.Th scope="row">{head ?? nameOf(table)}</Table.Th>
              {heads.map((name, place) => {
                const count = numbers[place] ?? 0;
                return (
                  <Table.Td
                    key={name}
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
