import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { nameOf, TABLES } from '../../api/tables';
import { bytes, dateTime, number } from '../../locale/format';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { ORIGINS, verified } from '../../parts/verified';
import { handOver } from '../../transfers/store';
import classes from './Archives.module.css';

/** What is in an archive, table by table, and each table as a file. */
export function Details({ archive }: { archive: Archive }) {
  const download = useMutation({
    mutationFn: ({ table, format }: { table: string; format: string }) =>
      handOver(`/backup/archives/${archive.id}/download/${table}?format=${format}`),
  });
  return (
    <Stack>
      {archive.note && <Text>{archive.note}</Text>}
      <Text size="sm" c="dimmed">
        Shows {dateTime(archive.created_at)}. {bytes(archive.size)} from {archive.engine}.{' '}
        {ORIGINS[archive.origin].words} {verified(archive).words}
      </Text>
      <div className={classes.tables}>
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Table</Table.Th>
              <Table.Th scope="col" className={classes.number}>
                Rows
              </Table.Th>
              <Table.Th scope="col" className={classes.number}>
                As it was
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {TABLES.map((table) => (
              <Table.Tr key={table}>
                <Table.Th scope="row">{nameOf(table)}</Table.Th>
                <Table.Td className={classes.number}>{number(archive.rows[table] ?? 0)}</Table.Td>
                <Table.Td>
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    {(['csv', 'json'] as const).map((format) => (
                      <Button
                        key={format}
                        size="compact-xs"
                        variant="light"
                        aria-label={`${nameOf(table)} of this archive as ${format.toUpperCase()}`}
                        onClick={() => download.mutate({ table, format })}
                      >
                        {format.toUpperCase()}
                      </Button>
                    ))}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {download.error && <ProblemAlert error={download.error} />}
    </Stack>
  );
}
