import { type Archive, isBackup, isOwn, newestFirst } from '../../api/archives';
import type { Change } from '../../api/changes';
import { type Stats, TABLES, type Table } from '../../api/tables';

/**
 * The newest backup of this school's data. An uploaded or found archive may show another time and another school. It
 * counts only if this service has created no backup.
 */
export function lastBackup(archives: readonly Archive[]): Archive | undefined {
  const backups = newestFirst(archives.filter(isBackup));
  return backups.find(isOwn) ?? backups[0];
}

/** The tables that have rows in a backup and none now. */
export function emptied(now: Stats, backup: Archive): Table[] {
  return TABLES.filter((table) => now[table] === 0 && (backup.rows[table] ?? 0) > 0);
}

/** A table that has fewer rows than the last backup. */
export interface Fall {
  table: Table;
  before: number;
  now: number;
  /** The changes by this service that removed rows, newest first. */
  causes: Change[];
}

/** A smaller fall without a known cause is daily work. */
const THRESHOLD = 0.05;

/** The tables that fell since a backup: those that are empty, that a change has reduced, or that lost many rows. */
export function falls(now: Stats, backup: Archive, changes: readonly Change[]): Fall[] {
  return TABLES.flatMap((table) => {
    const before = backup.rows[table] ?? 0;
    if (now[table] >= before) return [];
    const causes = changes.filter((change) => change.undone_at == null && reduced(change, table));
    const isLarge = now[table] === 0 || now[table] < before * (1 - THRESHOLD);
    return isLarge || causes.length > 0 ? [{ table, before, now: now[table], causes }] : [];
  });
}

function reduced({ rows }: Change, table: Table): boolean {
  const of = rows[table];
  return of !== undefined && of.removed > of.written;
}
