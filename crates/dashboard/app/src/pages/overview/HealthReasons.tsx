import { Stack, Text } from '@mantine/core';
import type { BackupHealth, HealthReason } from '../../api/health';
import { Notice } from '../../components/Notice';
import { Remedy } from './Remedy';

/** The reasons of the health, the worst first, each with its button, if one helps. */
export function HealthReasons({ health }: { health: BackupHealth }) {
  return health.reasons.map((reason) => (
    <Notice
      key={reason.code}
      kind={reason.severity === 'failing' ? 'error' : 'warning'}
      role="note"
      title={TITLES[reason.code] ?? 'The backups need attention'}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{reason.detail}</Text>
        <Remedy reason={reason} health={health} />
      </Stack>
    </Notice>
  ));
}

const TITLES: Readonly<Partial<Record<HealthReason['code'], string>>> = {
  database_unavailable: 'The database can’t be read',
  no_schedule: 'No backup is created automatically',
  schedules_disabled: 'All schedules are disabled',
  never_backed_up: 'Nothing could be restored now',
  backup_stale: 'The newest backup is too old',
  backup_failed: 'A scheduled backup has failed',
  run_missed: 'A scheduled backup was missed',
  scheduler_stalled: 'Scheduled backups are not created',
  never_verified: 'No backup was verified yet',
  verification_stale: 'No backup was verified lately',
  verification_failed: 'A verification has failed',
  archive_suspicious: 'A backup has far less data than those before it',
  retention_held: 'Old backups are not deleted for now',
  notifications_failing: 'Messages about the backups do not arrive',
  secrets_key_unusable: 'A stored secret can’t be read',
  store_unavailable: 'The backup storage can’t be reached',
  store_full: 'The backup storage is full',
  store_almost_full: 'The backup storage is almost full',
  key_unusable: 'The newest backup can’t be decrypted',
  identity_unproven: 'The secret key of the backups was not tested yet',
  destination_failing: 'A destination does not have all backups',
};
