import { type Archive, isBackup, isOwn, newestFirst } from '../../api/archives';
import { type Stats, TABLES, type Table } from '../../api/tables';

/**
 * The backup that shows this school's data last. A file that was uploaded, or found in the store, may be of another moment
 * and of another school: it counts only where this service has created none.
 */
export function lastBackup(archives: readonly Archive[]): Archive | undefined {
  const backups = newestFirst(archives.filter(isBackup));
  return backups.find(isOwn) ?? backups[0];
}

/** The tables that have rows in a backup and none now. */
export function emptied(now: Stats, backup: Archive): Table[] {
  return TABLES.filter((table) => now[table] === 0 && (backup.rows[table] ?? 0) > 0);
}
