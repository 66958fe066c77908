import { Button } from '@mantine/core';
import { Link } from 'wouter';
import type { BackupHealth, HealthReason } from '../../api/health';
import { ProblemAlert } from '../../components/ProblemAlert';
import { CREATE_BACKUP, useCreateBackup } from '../../components/useCreateBackup';
import { nameOfVerification, useVerify } from '../../components/useVerify';
import { VerificationError } from '../../components/VerificationError';
import { dateTime } from '../../locale/format';
import { LookupNotice } from '../../requests/LookupNotice';
import { currentPage } from '../../shell/pages';

type Code = HealthReason['code'];

/** The reasons that a new backup resolves. */
const BACK_UP: readonly Code[] = ['never_backed_up', 'backup_stale', 'backup_failed', 'run_missed'];
/** The reasons that a test restore resolves. */
const TEST: readonly Code[] = ['never_verified', 'verification_stale'];
/** The pages where other reasons are resolved. */
const PAGES: Readonly<Partial<Record<Code, { path: string; label: string }>>> = {
  no_schedule: { path: '/schedules/new', label: 'Set up a schedule' },
  schedules_disabled: { path: '/schedules', label: 'Show the schedules' },
  verification_failed: { path: '/archives', label: 'Show the backups' },
  archive_suspicious: { path: '/archives', label: 'Show the backups' },
  retention_held: { path: '/retention', label: 'Show the retention' },
  notifications_failing: { path: '/notifications', label: 'Show the notifications' },
  destination_failing: { path: '/destinations', label: 'Show the destinations' },
  identity_unproven: { path: '/archives', label: 'Show the backups' },
  store_almost_full: { path: '/archives', label: 'Delete old backups' },
  store_full: { path: '/archives', label: 'Delete old backups' },
};

/** The one button that helps against a reason, if there is one. */
export function Remedy({ reason: { code }, health }: { reason: HealthReason; health: BackupHealth }) {
  if (BACK_UP.includes(code)) return <BackUpNow />;
  if (TEST.includes(code) && health.last_backup) return <TestBackup last={health.last_backup} />;
  const target = PAGES[code];
  if (!target || !currentPage(target.path)) return null;
  return (
    <Button component={Link} href={target.path} size="xs" variant="default">
      {target.label}
    </Button>
  );
}

function BackUpNow() {
  const create = useCreateBackup();
  return (
    <>
      <Button
        size="xs"
        loading={create.isPending}
        onClick={() => create.mutate({ label: null, note: null, protected: false })}
      >
        Back up now
      </Button>
      {create.lookup && <LookupNotice name={CREATE_BACKUP} lookup={create.lookup} />}
      {create.error && <ProblemAlert error={create.error} />}
    </>
  );
}

function TestBackup({ last }: { last: NonNullable<BackupHealth['last_backup']> }) {
  const name = dateTime(last.at);
  const verify = useVerify(last.archive_id, name);
  return (
    <>
      <Button
        size="xs"
        variant="default"
        loading={verify.isPending}
        onClick={() => verify.mutate({ level: 'test_restore' })}
      >
        Test the last backup now
      </Button>
      {verify.lookup && (
        <LookupNotice name={nameOfVerification('test_restore', name)} lookup={verify.lookup} />
      )}
      <VerificationError verify={verify} />
    </>
  );
}
