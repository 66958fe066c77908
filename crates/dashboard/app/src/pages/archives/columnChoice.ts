// The columns of the table. The browser remembers the choice.
import { useState } from 'react';
import { COLUMNS, type Column, type ColumnId, DEFAULT_COLUMNS } from './columns';

const CHOSEN = 'campus-backup.backup-columns';

/** The chosen columns, in their fixed order, and a function that changes the choice. */
export function useColumnChoice(): { columns: Column[]; choose: (ids: string[]) => void } {
  const [ids, setIds] = useState(read);
  return {
    columns: COLUMNS.filter(({ id }) => ids.includes(id)),
    choose: (next) => {
      setIds(next);
      try {
        localStorage.setItem(CHOSEN, JSON.stringify(next));
      } catch {
        // If storage is disabled, a reload forgets the choice.
      }
    },
  };
}

function read(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(CHOSEN) ?? 'null');
    const isKnown = (id: unknown): id is ColumnId => COLUMNS.some((column) => column.id === id);
    return Array.isArray(stored) ? stored.filter(isKnown) : DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}
