import { type Job, stringField } from '../api/jobs';

/** The route that shows more about a job, if there is one. */
export function detailsOf(job: Job): string | undefined {
  switch (job.kind) {
    case 'restore':
      return `/restore/job/${job.id}`;
    case 'import':
      return `/import/job/${job.id}`;
    case 'archive':
    case 'upload':
    case 'verify': {
      const id = stringField(job, 'archive_id');
      return id === undefined ? undefined : `/archives/${id}`;
    }
    case 'clear':
    case 'undo':
      return '/clear';
    default:
      return undefined;
  }
}
