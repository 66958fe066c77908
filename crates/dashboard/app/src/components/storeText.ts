import type { BackupHealth } from '../api/health';
import { bytes, counted, number } from '../locale/format';

/** The state of the backup storage in words. */
export function storeText({
  reachable,
  archives,
  bytes: size,
  free_bytes,
  retained,
}: BackupHealth['store']): string {
  if (!reachable) return 'It can’t be reached.';
  const parts = [
    archives !== null && counted(archives, 'backup', 'backups'),
    size !== null && bytes(size),
    free_bytes !== null && `${bytes(free_bytes)} free`,
    retained !== null && retained > 0 && `${number(retained)} that it refuses to delete`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? `${parts.join(', ')}.` : 'It can be reached.';
}
