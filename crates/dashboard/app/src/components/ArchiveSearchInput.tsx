import { Loader, Text, TextInput } from '@mantine/core';
import { MAX_SEARCH } from '../api/archiveList';
import { counted, number } from '../locale/format';
import { ProblemAlert } from './ProblemAlert';
import type { ArchiveSearch } from './useArchiveSearch';

/** The input of a search among all backups, with the number of backups that match. */
export function ArchiveSearchInput({ search }: { search: ArchiveSearch }) {
  const { text, setText, found, error, isSearching, refetch } = search;
  return (
    <>
      <TextInput
        type="search"
        label="Find a backup"
        placeholder="Name, note, user or date"
        maxLength={MAX_SEARCH}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        rightSection={isSearching ? <Loader size="xs" aria-label="Searching" /> : undefined}
      />
      {error && !isSearching && (
        <ProblemAlert
          error={error}
          title="The backups can’t be searched"
          again={{ label: 'Try again', act: () => refetch() }}
        />
      )}
      {found && (
        <Text size="sm" role="status">
          {counted(found.total, 'backup matches', 'backups match')}.
          {found.items.length < found.total &&
            ` The list has the newest ${number(found.items.length)} of them. Type more words.`}
        </Text>
      )}
    </>
  );
}
