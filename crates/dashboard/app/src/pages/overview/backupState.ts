import { type Archive, isBackup, isOwn, newestFirst } from '../../api/archives';
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
