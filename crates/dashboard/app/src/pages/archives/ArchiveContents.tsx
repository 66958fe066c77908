import { Button, Group, Table, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import type { Archive } from '../../api/archives';
import { nameOf, TABLES, type Table as TableName } from '../../api/tables';
import { backupName } from '../../components/backupName';
import { FirstRows } from '../../components/FirstRows';
import { IdentityPrompt } from '../../components/IdentityPrompt';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { number } from '../../locale/format';
import { isolated } from '../../locale/language';
import { current, downloadQuery } from '../../transfers/csvStyle';
import { DOWNLOAD_FORMATS, type Format } from '../../transfers/rows';
import { downloadByLink, downloadInPage } from '../../transfers/store';
import classes from './ArchiveContents.module.css';

interface DownloadInput {
  table: TableName;
  format: Format;
  /** The secret key of the backup, if the service does not have it. */
  identity?: string;
}

/** The tables of a backup, each with its first rows on request and its downloads. */
export function ArchiveContents({ archive }: { archive: Archive }) {
  const [shown, setShown] = useState<TableName>();
  const download = useMutation({
    mutationFn: ({ table, format, identity }: DownloadInput) => {
      const name = `${nameOf(table)} of “${isolated(backupName(archive))}” as ${format.toUpperCase()}`;
      const path = `/backup/archives/${archive.id}/download/${table}?${downloadQuery(table, format, current())}`;
      return identity ? downloadInPage(name, { path, identity, format }) : downloadByLink(name, path);
    },
  });
  return (
    <Panel label="Contents">
      <Title order={2} size="h4" mb="sm">
        Contents
      </Title>
      <Table role="table" verticalSpacing={6} className={classes.table}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            <Table.Th scope="col" role="columnheader">
              Table
            </Table.Th>
            <Table.Th scope="col" role="columnheader" className={classes.number}>
              Rows
            </Table.Th>
            <Table.Th scope="col" role="columnheader" className={classes.number} data-no-print>
              View and download
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {TABLES.map((table) => {
            const count = archive.rows[table] ?? 0;
            const isShown = shown === table;
            return (
              <Fragment key={table}>
                <Table.Tr role="row">
                  <Table.Th scope="row" role="rowheader">
                    {nameOf(table)}
                  </Table.Th>
                  <Table.Td role="cell" className={classes.number}>
                    {number(count)}
                  </Table.Td>
                  <Table.Td role="cell" data-no-print>
                    <Group gap={6} justify="flex-end">
                      <Button
                        size="compact-xs"
                        variant="default"
                        disabled={count === 0}
                        aria-expanded={isShown}
                        aria-label={`First rows of ${nameOf(table).toLowerCase()}`}
                        onClick={() => setShown(isShown ? undefined : table)}
                      >
                        First rows
                      </Button>
                      {DOWNLOAD_FORMATS.map(({ format, label }) => (
                        <Button
                          key={format}
                          size="compact-xs"
                          variant="light"
                          aria-label={`${nameOf(table)} of this backup as ${label}`}
                          onClick={() => download.mutate({ table, format })}
                        >
                          {label}
                        </Button>
                      ))}
                    </Group>
                  </Table.Td>
                </Table.Tr>
                {isShown && (
                  <Table.Tr role="row">
                    <Table.Td role="cell" colSpan={3} className={classes.rows}>
                      <FirstRows source={archive.id} table={table} total={count} />
                    </Table.Td>
                  </Table.Tr>
                )}
              </Fragment>
            );
          })}
        </Table.Tbody>
      </Table>
      {download.error && (
        <ProblemAlert error={download.error}>
          <IdentityPrompt
            error={download.error}
            action="Download with this key"
            pending={download.isPending}
            onIdentity={(identity) =>
              download.variables && download.mutate({ ...download.variables, identity })
            }
          />
        </ProblemAlert>
      )}
    </Panel>
  );
}
