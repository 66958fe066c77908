import { Badge } from '@mantine/core';
import type { ReactNode } from 'react';
import { type Archive, timeFromId } from '../../api/archives';
import { KINDS } from '../../components/kinds';
import { verificationStatus } from '../../components/verification';
import { bytes, number, shortDateTime } from '../../locale/format';
import { creatorName, type SortColumn } from './listing';

export type ColumnId = 'data' | 'stored' | 'rows' | 'size' | 'check' | 'kind' | 'creator' | 'copies' | 'note';

export interface Column {
  id: ColumnId;
  heading: string;
  sortBy?: SortColumn;
  isNumber?: boolean;
  cell: (archive: Archive) => ReactNode;
}

/** The columns that people can choose. The name is always shown. */
export const COLUMNS: readonly Column[] = [
  {
    id: 'data',
    heading: 'Data of',
    sortBy: 'data',
    cell: ({ created_at }) => <time dateTime={created_at}>{shortDateTime(created_at)}</time>,
  },
  {
    id: 'stored',
    heading: 'Added',
    sortBy: 'stored',
    cell: ({ id }) => {
      const moment = timeFromId(id);
      return moment && <time dateTime={moment}>{shortDateTime(moment)}</time>;
    },
  },
  {
    id: 'rows',
    heading: 'Rows',
    sortBy: 'rows',
    isNumber: true,
    cell: ({ total }) => number(total),
  },
  { id: 'size', heading: 'Size', sortBy: 'size', isNumber: true, cell: ({ size }) => bytes(size) },
  {
    id: 'check',
    heading: 'Check',
    cell: (archive) => {
      const { label, color, description } = verificationStatus(archive);
      return (
        <Badge variant="light" color={color} title={description}>
          {label}
        </Badge>
      );
    },
  },
  { id: 'kind', heading: 'Kind', sortBy: 'kind', cell: ({ kind }) => KINDS[kind] },
  {
    id: 'creator',
    heading: 'Created by',
    sortBy: 'creator',
    cell: ({ created_by }) => <bdi>{created_by ? creatorName(created_by) : ''}</bdi>,
  },
  {
    id: 'copies',
    heading: 'Copies',
    cell: ({ copies }) => {
      const done = copies.filter(({ state }) => state === 'copied').map(({ name }) => name);
      return <bdi>{done.length > 0 ? done.join(', ') : 'None'}</bdi>;
    },
  },
  { id: 'note', heading: 'Note', cell: ({ note }) => <bdi>{note}</bdi> },
];

export const DEFAULT_COLUMNS: readonly ColumnId[] = ['data', 'rows', 'size', 'check'];
