import { Button } from '@mantine/core';
import { type Job, stringField } from '../api/jobs';
import type { components } from '../api/schema';
import { ProblemAlert } from '../components/ProblemAlert';
import { CREATE_BACKUP, useCreateBackup } from '../components/useCreateBackup';
import { nameOfVerification, useVerify, type VerificationLevel } from '../components/useVerify';
import { VerificationError } from '../components/VerificationError';
import { LookupNotice } from '../requests/LookupNotice';

interface Props {
  job: Job;
  describedBy: string;
}

/** Starts a failed job again, if that is safe: it creates or verifies a backup. */
export function RetryJob({ job, describedBy }: Props) {
  if (job.kind === 'archive') return <RetryBackup job={job} describedBy={describedBy} />;
  if (job.kind === 'verify' && stringField(job, 'archive_id') !== undefined) {
    return <RetryVerification job={job} describedBy={describedBy} />;
  }
  return null;
}

function RetryBackup({ job, describedBy }: Props) {
  const create = useCreateBackup();
  const {
    label,
    note,
    protected: isProtected,
  } = job.parameters as components['schemas']['ArchiveJobParameters'];
  return (
    <>
      <Button
        size="xs"
        variant="default"
        aria-describedby={describedBy}
        loading={create.isPending}
        onClick={() => create.mutate({ label, note, protected: isProtected })}
      >
        Try again
      </Button>
      {create.lookup && <LookupNotice name={CREATE_BACKUP} lookup={create.lookup} />}
      {create.error && <ProblemAlert error={create.error} />}
    </>
  );
}

function RetryVerification({ job, describedBy }: Props) {
  const id = stringField(job, 'archive_id') ?? '';
  const level: VerificationLevel = stringField(job, 'level') === 'test_restore' ? 'test_restore' : 'digest';
  const verify = useVerify(id, id);
  return (
    <>
      <Button
        size="xs"
        variant="default"
        aria-describedby={describedBy}
        loading={verify.isPending}
        onClick={() => verify.mutate({ level })}
      >
        Try again
      </Button>
      {verify.lookup && <LookupNotice name={nameOfVerification(level, id)} lookup={verify.lookup} />}
      <VerificationError verify={verify} />
    </>
  );
}
