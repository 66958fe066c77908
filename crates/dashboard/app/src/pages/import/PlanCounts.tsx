import { Stack, Text } from '@mantine/core';
import type { ImportPlan } from '../../api/imports';
import { TABLES } from '../../api/tables';
import { TableCounts } from '../../components/TableCounts';
import { money, number } from '../../locale/format';
import classes from './Import.module.css';
import { countList, planTotals } from './plan';

const DELETED = 'Deleted';

/** The plan in numbers. */
export function PlanCounts({ plan }: { plan: ImportPlan }) {
  const { total } = planTotals(plan);
  return (
    <Stack>
      <dl className={classes.counts}>
        {countList(plan.rows).map(({ label, count, isFault }) => (
          <div
            key={label}
            data-fault={(isFault && count > 0) || undefined}
            data-zero={count === 0 || undefined}
          >
            <dt>{label}</dt>
            <dd>{number(count)}</dd>
          </div>
        ))}
      </dl>
      {plan.money && (
        <Text size="sm">
          The sum of all payments is <b>{money(plan.money.before)}</b> now
          {plan.money.before === plan.money.after ? (
            ' and stays the same.'
          ) : (
            <>
              {' '}
              and will be <b>{money(plan.money.after)}</b>.
            </>
          )}
        </Text>
      )}
      {total > 0 && (
        <TableCounts
          label="Changes by table"
          heads={['Now', 'Added', 'Changed', DELETED, 'Afterwards']}
          danger={DELETED}
          lines={TABLES.flatMap((table) => {
            const of = plan.tables[table];
            if (!of) return [];
            return [{ table, numbers: [of.rows_before, of.inserted, of.updated, of.removed, of.rows_after] }];
          })}
        />
      )}
    </Stack>
  );
}
