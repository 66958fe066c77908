import { Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import type { ImportPlan } from '../../api/imports';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { number, rows } from '../../locale/format';
import { downloadInPage } from '../../transfers/store';
import { TransferRow } from '../../transfers/TransferRow';
import { useTransfers } from '../../transfers/useTransfers';
import classes from './Import.module.css';
import { faultyRows } from './plan';
import { inWords } from './words';

const HEADS = ['Row', 'Column', 'Value', 'Reason'] as const;

/** The rows that can't be imported: why, and what to do. */
export function PlanErrors({ plan, onSkip }: { plan: ImportPlan; onSkip: (() => void) | undefined }) {
  const { errors, can_apply, skip_wrong } = plan;
  const path = `/backup/imports/${plan.id}/errors`;
  const transfers = useTransfers().filter(({ source }) => source.from === 'page' && source.path === path);
  const faulty = plan.rows.wrong + plan.rows.conflicting;
  return (
    <Panel label="Wrong rows">
      <Stack>
        <Title order={3} size="h4">
          Wrong rows
        </Title>
        <Notice
          kind={can_apply ? 'warning' : 'error'}
          role="note"
          title={
            can_apply && skip_wrong
              ? `${faultyRows(plan.rows)} will be left out`
              : `${faultyRows(plan.rows)} can’t be imported, so nothing is imported yet`
          }
        >
          <Stack gap="xs" align="flex-start">
            <Text size="sm">
              {skip_wrong
                ? 'Download the wrong rows, correct them, and import that file afterwards.'
                : 'Correct them in your file and choose it again below. Or leave them out: then download the wrong rows, correct them, and import that file afterwards.'}
            </Text>
            <Group gap="xs">
              <Button
                size="xs"
                variant="default"
                onClick={() => downloadInPage('Wrong rows', { path, format: 'csv' })}
              >
                Download the wrong rows
              </Button>
              {onSkip && (
                <Button size="xs" variant="default" onClick={onSkip}>
                  Leave out the wrong rows
                </Button>
              )}
            </Group>
          </Stack>
        </Notice>
        {transfers.map((each) => (
          <TransferRow key={each.id} transfer={each} />
        ))}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
        <section className={classes.errors} tabIndex={0} aria-label="Errors">
          {/* These are the default roles. Safari drops them if the CSS does not display the table as a table. */}
          <Table verticalSpacing={6} role="table">
            <Table.Thead role="rowgroup">
              <Table.Tr role="row">
                {HEADS.map((head) => (
                  <Table.Th key={head} scope="col" role="columnheader">
                    {head}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody role="rowgroup">
              {errors.map(({ row, column, value, reason }) => (
                <Table.Tr key={`${row} ${column} ${reason}`} role="row">
                  <Table.Th scope="row" role="rowheader">
                    {number(row)}
                  </Table.Th>
                  <Table.Td role="cell">
                    <bdi>{column ?? '–'}</bdi>
                  </Table.Td>
                  <Table.Td role="cell">
                    <bdi>{value === '' ? '(empty)' : (value ?? '–')}</bdi>
                  </Table.Td>
                  <Table.Td role="cell">{inWords(reason)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
        {errors.length < faulty && (
          <Text size="sm" c="dimmed">
            These are the first {number(errors.length)} errors. The file of the wrong rows has all of{' '}
            {rows(faulty)}.
          </Text>
        )}
      </Stack>
    </Panel>
  );
}
