import { Loader, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { firstRows, type RowSource } from '../api/archivedRows';
import { nameOf, type Table as TableName } from '../api/tables';
import { number, rows as rowCount } from '../locale/format';
import classes from './FirstRows.module.css';
import { IdentityPrompt } from './IdentityPrompt';
import { ProblemAlert } from './ProblemAlert';

/** The first rows of a table, with the headings of the downloaded files. */
export function FirstRows({ source, table, total }: { source: RowSource; table: TableName; total: number }) {
  // The secret key of the backup, if the service does not have it. It is not a part of a query key.
  const identity = useRef<string>(undefined);
  const { data, error, isFetching, refetch } = useQuery(firstRows(source, table, () => identity.current));
  if (error && !isFetching) {
    return (
      <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }}>
        <IdentityPrompt
          error={error}
          action="Show the rows with this key"
          pending={isFetching}
          onIdentity={(next) => {
            identity.current = next;
            refetch();
          }}
        />
      </ProblemAlert>
    );
  }
  if (!data) return <Loader size="sm" aria-label="Loading the first rows" />;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
      <section className={classes.scroll} tabIndex={0} aria-label={`First rows of ${nameOf(table)}`}>
        <Table verticalSpacing={4} withTableBorder withColumnBorders>
          <Table.Thead>
            <Table.Tr>
              {data.headings.map((heading) => (
                <Table.Th key={heading} scope="col">
                  {heading}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.rows.map((row) => (
              <Table.Tr key={row[0]}>
                {data.headings.map((heading, place) => (
                  <Table.Td key={heading} title={row[place]}>
                    <bdi>{row[place]}</bdi>
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </section>
      <Text size="sm" c="dimmed" mt={4}>
        {data.rows.length < total
          ? `The first ${number(data.rows.length)} of ${rowCount(total)}.`
          : `All ${rowCount(total)}.`}
      </Text>
    </>
  );
}
