// The facts of the health in words.
import type { BackupHealth } from '../../api/health';
import { storeText } from '../../components/storeText';
import { ago, counted, dateTimeZone, fromNow, number } from '../../locale/format';

export interface Fact {
  name: string;
  text: string;
  /** The page that shows more. */
  link?: { href: string; label: string };
}

export function factsOf(health: BackupHealth): Fact[] {
  return [
    lastBackup(health),
    lastVerified(health),
    nextRun(health),
    {
      name: 'Backup storage',
      text: storeText(health.store),
      link: { href: '/archives', label: 'Show backups' },
    },
    { name: 'Encryption', text: keyText(health.key) },
    ...health.destinations.map(destination),
  ];
}

function lastBackup({ last_backup, backup_expected_since }: BackupHealth): Fact {
  const name = 'Last backup';
  const expected = backup_expected_since
    ? ` A backup since ${dateTimeZone(backup_expected_since)} is expected.`
    : '';
  if (!last_backup) return { name, text: `This service has not created a backup yet.${expected}` };
  return {
    name,
    text: `${dateTimeZone(last_backup.at)} (${ago(last_backup.at)}).${expected}`,
    link: { href: `/archives/${last_backup.archive_id}`, label: 'Show the backup' },
  };
}

function lastVerified({ last_verified }: BackupHealth): Fact {
  const name = 'Last verified';
  if (!last_verified) return { name, text: 'No backup was verified yet.' };
  const { at, level, archive_id } = last_verified;
  const how = level === 'test_restore' ? 'Restored into a temporary database' : 'Read completely';
  return {
    name,
    text: `${how}: ${dateTimeZone(at)} (${ago(at)}).`,
    link: { href: `/archives/${archive_id}`, label: 'Show the backup' },
  };
}

function nextRun({ next_run }: BackupHealth): Fact {
  const text = next_run ? `${dateTimeZone(next_run)} (${fromNow(next_run)}).` : 'None is planned.';
  return { name: 'Next scheduled backup', text, link: { href: '/schedules', label: 'Show schedules' } };
}

function keyText({ encrypts, needs_identity, opens_last_backup }: BackupHealth['key']): string {
  if (needs_identity) {
    return 'New backups are encrypted. The service can’t decrypt them: a restore asks for the secret key.';
  }
  const isOpen =
    opens_last_backup === null
      ? ''
      : opens_last_backup
        ? ' The last backup can be decrypted.'
        : ' The last backup can’t be decrypted.';
  return encrypts ? `New backups are encrypted.${isOpen}` : 'New backups are not encrypted.';
}

function destination({
  name,
  enabled,
  copies,
  waiting_since,
  last_copied_at,
}: BackupHealth['destinations'][number]): Fact {
  const missing = copies.pending + copies.failed;
  const text = [
    enabled ? undefined : 'It is disabled.',
    `${counted(copies.copied, 'backup', 'backups')} copied.`,
    missing > 0 ? `${number(missing)} ${missing === 1 ? 'is' : 'are'} behind` : undefined,
  ].filter((part) => part !== undefined);
  const since = missing > 0 ? (waiting_since ? `, since ${dateTimeZone(waiting_since)}.` : '.') : '';
  const last = last_copied_at
    ? ` Last copied: ${dateTimeZone(last_copied_at)} (${ago(last_copied_at)}).`
    : '';
  return {
    name: `Destination “${name}”`,
    text: `${text.join(' ')}${since}${last}`,
    link: { href: '/destinations', label: 'Show destinations' },
  };
}
