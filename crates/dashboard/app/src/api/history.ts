import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { pollEvery } from './polling';
import type { components } from './schema';

export type BackupHistory = components['schemas']['BackupHistory'];
export type HistoryBackup = BackupHistory['backups'][number];
export type HistoryRun = BackupHistory['runs'][number];

/** An unchanged history is not sent again, so this costs little. */
const INTERVAL = 60_000;

const DAY = 86_400_000;

/** The history of the last days, or all of it. */
export const history = (days: number | undefined) =>
  queryOptions({
    queryKey: ['archives', 'history', days ?? 'all'],
    queryFn: async ({ signal }) => {
      const query = days === undefined ? {} : { from: startOf(days) };
      return body(await client.GET('/backup/history', { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: pollEvery(INTERVAL),
  });

/** The beginning of the day so many days ago, so that the same request is sent for a day. */
function startOf(days: number): string {
  const today = Math.floor(Date.now() / DAY) * DAY;
  return new Date(today - days * DAY).toISOString();
}
