import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { archivePage } from '../api/archiveList';
import type { Archive } from '../api/archives';

/** The milliseconds after the last key before backups are searched. */
export const SEARCH_DELAY = 300;

/** A search among all backups, by the service. */
export interface ArchiveSearch {
  text: string;
  setText: (text: string) => void;
  /** The first page of the backups that match. `undefined` without a search, and until its answer. */
  found: { items: Archive[]; total: number } | undefined;
  error: Error | null;
  isSearching: boolean;
  refetch: () => unknown;
}

export function useArchiveSearch(): ArchiveSearch {
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text.trim(), SEARCH_DELAY);
  const isSearch = wanted !== '';
  const { data, error, isFetching, refetch } = useQuery({
    ...archivePage({ search: wanted }, 0),
    enabled: isSearch,
  });
  return {
    text,
    setText,
    found: isSearch ? data : undefined,
    error: isSearch ? error : null,
    isSearching: text.trim() !== wanted || (isSearch && isFetching),
    refetch,
  };
}
