import { Table, Text } from '@mantine/core';
import { type Cleared, nameOf, TABLES } from '../../api/tables';
import { number } from '../../locale/format';
import type { ClearScope } from './actions';
import classes from './ClearPlanTable.module.css';

/** The deleted and the remaining rows by table, of a plan or of a finished clear. */
export function ClearPlanTable({ scope, plan }: { scope: ClearScope; plan: Cleared }) {
  return (
    <Table className={classes.plan} verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Table</Table.Th>
          <Table.Th scope="col" className={classes.number}>
            {plan.dry_run ? 'Will be deleted' : 'Deleted'}
          </Table.Th>
          <Table.Th scope="col" className={classes.number}>
            {plan.dry_run ? 'Will remain' : 'Remaining'}
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {TABLES.map((table) => {
          const removed = plan.removed[table] ?? 0;
          const isCascaded = removed > 0 && scope !== 'all' && table !== scope;
          return (
            <Table.Tr key={table}>
              <Table.Th scope="row" className={classes.name}>
                {nameOf(table)}
                {isCascaded && (
                  <Text component="span" size="sm" c="dimmed">
                    {' '}
                    also deleted
                  </Text>
                )}
                {table === 'users' && removed > 0 && (
                  <Text component="span" size="sm" c="dimmed">
                    {' '}
                    administrators remain
                  </Text>
                )}
              </Table.Th>
              <Table.Td className={removed > 0 ? classes.removed : classes.number}>
                {removed > 0 ? number(removed) : '–'}
              </Table.Td>
              <Table.Td className={classes.number}>{number(plan.kept[table] ?? 0)}</Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
