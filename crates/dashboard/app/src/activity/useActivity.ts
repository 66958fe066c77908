import { useQuery } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { followJob } from '../api/jobEvents';
import { failures, hasEnded, type Job, jobs } from '../api/jobs';
import { subscribe, current as tracked } from '../requests/trackedJobs';
import { shareOf } from '../transfers/receive';
import { isActive as isDownloading, type Transfer } from '../transfers/store';
import { isActive as isUploading, type Upload } from '../transfers/uploads';
import { useTransfers, useUploads } from '../transfers/useTransfers';

export interface Activity {
  running: Job[];
  /** The jobs of all users that have failed since yesterday and were not dismissed, newest first. */
  failed: Job[];
  /** The newest jobs that have ended otherwise. */
  finished: Job[];
  downloads: readonly Transfer[];
  uploads: readonly Upload[];
}

/** All running, failed and finished work: the jobs of all users, and the transfers of this tab. */
export function useActivity(): Activity {
  const { data: list } = useQuery(jobs);
  const { data: lately = [] } = useQuery(failures);
  const { dismissed } = useSyncExternalStore(subscribe, tracked);
  const items = list?.items ?? [];
  const failed = lately.filter(({ id }) => !dismissed.has(id));
  const isFailed = new Set(failed.map(({ id }) => id));
  return {
    running: items.filter((each) => !hasEnded(each)),
    failed,
    finished: items.filter((each) => hasEnded(each) && !isFailed.has(each.id)),
    downloads: useTransfers(),
    uploads: useUploads(),
  };
}

/** The number of jobs and transfers that are running. */
export function runningCount({ running, downloads, uploads }: Activity): number {
  return running.length + downloads.filter(isDownloading).length + uploads.filter(isUploading).length;
}

/** The progress of everything that is running, from 0 to 1. `undefined` if no progress is known. */
export function progressOf({ running, downloads, uploads }: Activity): number | undefined {
  const shares = [
    ...running.map(({ rows_done, rows_total }) => (rows_total ? rows_done / rows_total : undefined)),
    ...downloads.filter(({ state }) => state.at === 'running').map(({ progress }) => shareOf(progress)),
    ...uploads.map(({ state, size }) => (state.at === 'sending' ? state.sent / size : undefined)),
  ].filter((share) => share !== undefined);
  if (shares.length === 0) return undefined;
  return Math.min(1, shares.reduce((sum, share) => sum + share, 0) / shares.length);
}

/** Follows the newest running job by its events. One stream leaves enough connections for the page. */
export function useJobStream({ running }: Activity): void {
  const id = running[0]?.id;
  useEffect(() => {
    if (id === undefined) return;
    const controller = new AbortController();
    followJob(id, controller.signal);
    return () => controller.abort();
  }, [id]);
}
