// How a job has ended, in words.
import { momentOfId } from '../api/archives';
import { hasEnded, type Job, told } from '../api/jobs';
import type { ProblemDocument } from '../api/problem';
import { nameOf } from '../api/tables';
import { dateTime, duration, rows } from '../locale/format';
import { isolated } from '../locale/language';
import { problemWords } from '../parts/problemWords';
import { defectOf } from '../parts/verified';

export interface JobWords {
  good: boolean;
  title: string;
  text: string;
}

/** What a job that has ended came to. `about` is the name of the archive, where it is known. */
export function jobWords(job: Job, about?: string): JobWords | undefined {
  if (!hasEnded(job)) return undefined;
  const words = WORDS[job.kind];
  const subject = about ? `“${isolated(about)}”` : archiveOf(job);
  if (job.state === 'succeeded') return { good: true, ...words.done(job, subject) };
  const text = reason(job) ?? 'It was cancelled. Nothing was changed.';
  return { good: false, title: words.failed, text, ...words.failure?.(job, subject) };
}

/** Why a job has failed, in words for people. */
function reason({ error }: Job): string | undefined {
  const code = error?.code as ProblemDocument['code'] | undefined;
  return (code && problemWords(code).detail) ?? error?.detail;
}

interface Words {
  done: (job: Job, archive: string) => { title: string; text: string };
  failed: string;
  /** Where more can be said than that it has failed, and why. */
  failure?: (job: Job, archive: string) => { title: string; text?: string };
}

const WORDS: Record<Job['kind'], Words> = {
  archive: {
    done: (job) => ({
      title: `The backup${named(job)} was created`,
      text: `It has ${rows(total(job))}, and was read back after it was stored.`,
    }),
    failed: 'No backup was created',
  },
  upload: {
    done: (job) => ({
      title: 'The backup file was added',
      text: `It is whole and has ${rows(total(job))}.`,
    }),
    failed: 'A backup file was not added',
  },
  verify: {
    done: (job, archive) => verifiedWords(job, archive),
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
      title: 'Restored',
      text: `The data is what ${archive} has, as far as it was asked for. What was there before is in a safety backup.`,
    }),
    failed: 'Nothing was restored',
  },
  clear: {
    done: (job) => ({
      title: `Cleared: ${nameOf(told(job, 'table') ?? '').toLowerCase()}`,
      text: 'It can be undone on the page “Clear”.',
    }),
    failed: 'Nothing was cleared',
  },
  undo: {
    done: () => ({ title: 'The clear was undone', text: 'The rows that it removed are back.' }),
    failed: 'The clear could not be undone',
  },
};

function verifiedWords(job: Job, archive: string): { title: string; text: string } {
  if (told(job, 'level') === 'digest') {
    return { title: `${capital(archive)} is whole`, text: 'All of it was read and compared.' };
  }
  const { verification } = (job.result ?? {}) as { verification?: { restore_seconds?: number | null } };
  const seconds = verification?.restore_seconds;
  const took = seconds == null ? '' : ` It took ${duration(Math.max(1, seconds))}.`;
  return {
    title: `${capital(archive)} can be restored`,
    text: `It was restored into a database of its own, which is gone again.${took}`,
  };
}

/** The archive that a job is about, by the time in its name: when it came into the store. */
function archiveOf(job: Job): string {
  const moment = momentOfId(told(job, 'archive_id') ?? '');
  return moment ? `the backup of ${dateTime(moment)}` : 'the backup';
}

function named(job: Job): string {
  const label = told(job, 'label');
  return label ? ` “${isolated(label)}”` : '';
}

function total(job: Job): number {
  const { total } = (job.result ?? {}) as { total?: unknown };
  return typeof total === 'number' ? total : 0;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
