import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { archivePage, ROWS_ON_PAGE } from '../../api/archiveList';
import type { Archive, JoinedPages } from '../../api/archives';
import { type ListView, listQuery } from './listing';
import { changeView } from './listView';

export interface ArchiveTableData {
  /** The backups of the page. `undefined` while nothing was loaded. */
  rows: Archive[] | undefined;
  /** The number of backups that match the filter. */
  found: number;
  page: number;
  pages: number;
  unreadable: JoinedPages['unreadable'];
  isLoading: boolean;
  error: Error | null;
  refetch: () => void;
}

/** The backups that the table shows. */
export function useArchiveTable(view: ListView): ArchiveTableData {
  const { page } = view;
  const { data, error, isPending, isPlaceholderData, refetch } = useQuery(archivePage(listQuery(view), page));
  const found = data?.total ?? 0;
  const pages = Math.max(1, Math.ceil(found / ROWS_ON_PAGE));
  // The last page may have disappeared.
  const isBeyondEnd = data !== undefined && !isPlaceholderData && page >= pages;
  useEffect(() => {
    if (isBeyondEnd) changeView({ page: pages - 1 });
  }, [isBeyondEnd, pages]);
  return {
    rows: data?.items,
    found,
    page,
    pages,
    unreadable: data?.unreadable ?? [],
    isLoading: isPending || isPlaceholderData || isBeyondEnd,
    error,
    refetch: () => refetch(),
  };
}
