// The texts for the outcome of a job.
import { timeFromId } from '../api/archives';
import { hasEnded, type Job, resultOf, stringField } from '../api/jobs';
import type { ProblemDocument } from '../api/problem';
import { nameOf } from '../api/tables';
import { problemMessage } from '../components/problemMessage';
import { defectOf } from '../components/verification';
import { dateTime, duration, rows } from '../locale/format';
import { isolated } from '../locale/language';

export interface JobMessage {
  isSuccess: boolean;
  title: string;
  text: string;
}

/** The outcome of a job that has ended. `about` is the name of the backup, if it is known. */
export function jobMessage(job: Job, about?: string): JobMessage | undefined {
  if (!hasEnded(job)) return undefined;
  const messages = MESSAGES[job.kind];
  const subject = about ? `“${isolated(about)}”` : archiveOf(job);
  if (job.state === 'succeeded') return { isSuccess: true, ...messages.done(job, subject) };
  const text = reason(job) ?? 'The job was cancelled. Nothing was changed.';
  return { isSuccess: false, title: messages.failed, text, ...messages.failure?.(job, subject) };
}

/** The reason of a failure, in plain words. */
function reason({ error }: Job): string | undefined {
  const code = error?.code as ProblemDocument['code'] | undefined;
  return (code && problemMessage(code).detail) ?? error?.detail;
}

interface KindMessages {
  done: (job: Job, archive: string) => { title: string; text: string };
  failed: string;
  /** For failures that need a more specific text. */
  failure?: (job: Job, archive: string) => { title: string; text?: string };
}

const MESSAGES: Record<Job['kind'], KindMessages> = {
  archive: {
    done: (job) => ({
      title: `The backup${named(job)} was created`,
      text: `It has ${rows(total(job))}, and was checked after it was stored.`,
    }),
    failed: 'No backup was created',
  },
  upload: {
    done: (job) => ({
      title: 'The backup file was added',
      text: `It is complete and has ${rows(total(job))}.`,
    }),
    failed: 'A backup file could not be added',
  },
  verify: {
    done: (job, archive) => verifiedMessage(job, archive),
    failed: 'A backup could not be verified',
    failure: (job, archive) => {
      const defect = defectOf(job.error?.code);
      if (defect === undefined) return { title: `${capital(archive)} could not be verified` };
      return {
        title: `${capital(archive)} is damaged`,
        text: `${defect} It can’t be restored. Create a new backup now.`,
      };
    },
  },
  restore: {
    done: (_, archive) => ({
      title: 'Restore complete',
      text: `The selected data was restored from ${archive}. The previous data is in a safety backup.`,
    }),
    failed: 'Nothing was restored',
  },
  clear: {
    done: (job) => ({
      title: `Cleared: ${nameOf(stringField(job, 'table') ?? '').toLowerCase()}`,
      text: 'You can undo this on the page “Clear”.',
    }),
    failed: 'Nothing was cleared',
  },
  undo: {
    done: () => ({ title: 'The change was undone', text: 'The previous rows were restored.' }),
    failed: 'The change could not be undone',
  },
  import: {
    done: (job) => ({
      title: `Imported: ${nameOf(stringField(job, 'table') ?? '').toLowerCase()}`,
      text: 'You can undo this on the page “Import”.',
    }),
    failed: 'Nothing was imported',
  },
  retention: {
    done: (job) => {
      const report = resultOf(job, 'retention');
      const failed = report?.failed.length ?? 0;
      return {
        title: 'Old backups were deleted',
        text: failed === 0 ? 'The other backups stay.' : 'Some backups could not be deleted.',
      };
    },
    failed: 'Old backups could not be deleted',
  },
  rekey: {
    done: (_, archive) => ({
      title: `${capital(archive)} was encrypted again`,
      text: 'Only the current keys open it.',
    }),
    failed: 'The backup was not encrypted again',
  },
};

function verifiedMessage(job: Job, archive: string): { title: string; text: string } {
  if (stringField(job, 'level') === 'digest') {
    return { title: `${capital(archive)} is complete`, text: 'It was read completely and verified.' };
  }
  const seconds = resultOf(job, 'verify')?.verification?.restore_seconds;
  const took = seconds == null ? '' : ` It took ${duration(Math.max(1, seconds))}.`;
  return {
    title: `${capital(archive)} can be restored`,
    text: `It was restored into a temporary database, which is deleted now.${took}`,
  };
}

/** The backup that a job is about, named by the time in its id. */
function archiveOf(job: Job): string {
  const moment = timeFromId(stringField(job, 'archive_id') ?? '');
  return moment ? `the backup of ${dateTime(moment)}` : 'the backup';
}

function named(job: Job): string {
  const label = stringField(job, 'label');
  return label ? ` “${isolated(label)}”` : '';
}

function total(job: Job): number {
  return (resultOf(job, 'archive') ?? resultOf(job, 'upload'))?.total ?? 0;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
