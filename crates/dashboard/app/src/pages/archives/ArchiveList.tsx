import { Button, Code, Group, Pagination, Skeleton, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { ROWS_ON_PAGE } from '../../api/archiveList';
import type { Archive, JoinedPages } from '../../api/archives';
import { Icon } from '../../components/Icon';
import { Notice } from '../../components/Notice';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Tip } from '../../components/Tip';
import { unreadableMessage } from '../../components/unreadableMessage';
import { useDialog } from '../../components/useDialog';
import { counted, number } from '../../locale/format';
import { ArchiveDialog, type DialogRequest } from './ArchiveDialog';
import { ArchiveTable } from './ArchiveTable';
import { useColumnChoice } from './columnChoice';
import { ListControls } from './ListControls';
import { activeFilters, isFiltered } from './listing';
import { changeView, useListView } from './listView';
import { SelectionBar } from './SelectionBar';
import { UploadArea } from './UploadArea';
import { type ArchiveTableData, useArchiveTable } from './useArchiveTable';
import { useSelection } from './useSelection';

/** The table of all backups. */
export function ArchiveList() {
  const view = useListView();
  const [isFilterOpen, setFilterOpen] = useState(activeFilters(view.filter) > 0);
  const table = useArchiveTable(view);
  const { rows, error, isLoading, unreadable } = table;
  const { columns, choose } = useColumnChoice();
  const selection = useSelection();
  const dialog = useDialog<DialogRequest>();
  const isEmpty = rows?.length === 0 && !isLoading;
  const isSearch = isFiltered(view.filter);
  return (
    <>
      <PageHeader
        title="Backups"
        lead="Complete copies of the school’s data. The service checks each backup that it creates, and each file that you upload."
      >
        <Button
          leftSection={<Icon name="archives" size={18} />}
          onClick={() => dialog.open({ kind: 'create' })}
        >
          Create a backup…
        </Button>
      </PageHeader>
      <Stack gap="lg">
        <UploadArea />
        {error && <ProblemAlert error={error} again={{ label: 'Try again', act: table.refetch }} />}
        {unreadable.map((each) => (
          <Unreadable key={each.id} entry={each} />
        ))}
        {isEmpty && !isSearch ? (
          <Text>
            There is no backup yet. Create one now: it takes a few seconds, and all users can continue to
            work.
          </Text>
        ) : (
          <ListControls
            filter={view.filter}
            columns={columns}
            onColumns={choose}
            isOpen={isFilterOpen}
            onOpen={setFilterOpen}
          />
        )}
        <SelectionBar
          selected={[...selection.selected.values()]}
          onReset={selection.reset}
          onDelete={() => {
            const archives: readonly Archive[] = [...selection.selected.values()];
            dialog.open({ kind: 'delete selected', archives });
          }}
        />
        {isEmpty && isSearch && (
          <Text role="status">No backup matches. Change the search or the filters.</Text>
        )}
        {rows && rows.length > 0 && (
          <ArchiveTable
            archives={rows}
            columns={columns}
            sort={view.sort}
            onSort={(sort) => changeView({ sort })}
            selected={selection.selected}
            onSelect={selection.select}
            openDialog={dialog.open}
          />
        )}
        {!rows && !error && <Skeleton height="12rem" aria-label="Loading the list" />}
        {rows && rows.length > 0 && <Pages table={table} />}
        <Tip title="Keep backups safe">
          Store backups on another disk than the database, or in cloud storage. Download one from time to
          time. Protect the file like a password, because it contains the users’ password hashes. Run a test
          restore before you need a backup.
        </Tip>
      </Stack>
      <ArchiveDialog dialog={dialog} onDeleted={(archives) => selection.select(archives, false)} />
    </>
  );
}

/** The place in the list, with the buttons for the other pages. */
function Pages({ table: { page, pages, found, rows } }: { table: ArchiveTableData }) {
  const first = page * ROWS_ON_PAGE + 1;
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed" role="status">
        {pages === 1
          ? counted(found, 'backup', 'backups')
          : `${number(first)} to ${number(first + (rows?.length ?? 0) - 1)} of ${number(found)} backups`}
      </Text>
      {pages > 1 && (
        <Pagination
          size="sm"
          siblings={0}
          total={pages}
          value={page + 1}
          onChange={(next) => changeView({ page: next - 1 })}
          aria-label="Pages of the list"
          getItemProps={(each) => ({ 'aria-label': `Page ${each}` })}
          getControlProps={(control) => ({
            'aria-label': control === 'previous' ? 'Previous page' : 'Next page',
          })}
        />
      )}
    </Group>
  );
}

/**
 * An entry of the store that can't be read as an archive. The id and the detail are for the operator of the service.
 */
function Unreadable({ entry }: { entry: JoinedPages['unreadable'][number] }) {
  const { title, detail } = unreadableMessage(entry);
  return (
    <Notice kind="error" role="alert" title={title}>
      <Stack gap="xs">
        <Text size="sm">{detail}</Text>
        <Text size="xs" c="dimmed">
          If you ask for help, quote <Code>{entry.id}</Code> <Code>{entry.detail}</Code>
        </Text>
      </Stack>
    </Notice>
  );
}
