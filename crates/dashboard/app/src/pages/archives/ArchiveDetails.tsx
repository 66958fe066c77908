import { Button, Table as Grid, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { nameOf, TABLES, type Table } from '../../api/tables';
import { backupName } from '../../components/backupName';
import { ProblemAlert } from '../../components/ProblemAlert';
import { ORIGINS, verificationStatus } from '../../components/verification';
import { bytes, dateTime, number } from '../../locale/format';
import { isolated } from '../../locale/language';
import { current, downloadQuery } from '../../transfers/csvStyle';
import type { Format } from '../../transfers/rows';
import { downloadByLink } from '../../transfers/store';
import classes from './Archives.module.css';

const ENGINE_NAMES: Readonly<Record<string, string>> = {
  sqlite: 'SQLite',
  postgresql: 'PostgreSQL',
  mysql: 'MySQL or MariaDB',
};

/** The contents of an archive by table, with downloads of each table. */
export function ArchiveDetails({ archive }: { archive: Archive }) {
  const download = useMutation({
    mutationFn: ({ table, format }: { table: Table; format: Format }) =>
      downloadByLink(
        `${nameOf(table)} of “${isolated(backupName(archive))}” as ${format.toUpperCase()}`,
        `/backup/archives/${archive.id}/download/${table}?${downloadQuery(table, format, current())}`,
      ),
  });
  return (
    <Stack>
      {archive.note && <Text>{archive.note}</Text>}
      <Text size="sm" c="dimmed">
        Data of {dateTime(archive.created_at)}. {bytes(archive.size)}, created on{' '}
        {ENGINE_NAMES[archive.engine] ?? archive.engine}. {ORIGINS[archive.origin].description}{' '}
        {verificationStatus(archive).description}
      </Text>
      <div className={classes.tables}>
        <Grid verticalSpacing={6}>
          <Grid.Thead>
            <Grid.Tr>
              <Grid.Th scope="col">Table</Grid.Th>
              <Grid.Th scope="col" className={classes.number}>
                Rows
              </Grid.Th>
              <Grid.Th scope="col" className={classes.number}>
                Download
              </Grid.Th>
            </Grid.Tr>
          </Grid.Thead>
          <Grid.Tbody>
            {TABLES.map((table) => (
              <Grid.Tr key={table}>
                <Grid.Th scope="row">{nameOf(table)}</Grid.Th>
                <Grid.Td className={classes.number}>{number(archive.rows[table] ?? 0)}</Grid.Td>
                <Grid.Td>
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    {(['csv', 'json'] as const).map((format) => (
                      <Button
                        key={format}
                        size="compact-xs"
                        variant="light"
                        aria-label={`${nameOf(table)} of this backup as ${format.toUpperCase()}`}
                        onClick={() => download.mutate({ table, format })}
                      >
                        {format.toUpperCase()}
                      </Button>
                    ))}
                  </Group>
                </Grid.Td>
              </Grid.Tr>
            ))}
          </Grid.Tbody>
        </Grid>
      </div>
      {download.error && <ProblemAlert error={download.error} />}
    </Stack>
  );
}
