import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import type { ListPage } from './pages';
import { pollEvery } from './polling';
import type { components, paths } from './schema';

export type AuditEvent = components['schemas']['AuditEvent'];
export type AuditReport = components['schemas']['AuditReport'];
export type AuditResult = components['schemas']['AuditResult'];
type List = paths['/backup/audit']['get'];
type Listed = List['responses'][200]['content']['application/json']['items'][number];
export type AuditRecord = Omit<Listed, 'details'> & { details: Record<string, unknown> | null };

type Query = NonNullable<List['parameters']['query']>;

/** The events of a list. An absent value means all of them. */
export type AuditFilter = Pick<Query, 'event' | 'user' | 'result' | 'table' | 'subject' | 'from' | 'to'>;

/** The number of events on a page of the table. */
export const EVENTS_ON_PAGE = 50;

const INTERVAL = 30_000;

/** One page of the events, newest first. The first page has the number 0. */
export const auditPage = (filter: AuditFilter, page: number) =>
  queryOptions({
    queryKey: ['audit', filter, page],
    queryFn: ({ signal }) =>
      readEvents({ ...filter, limit: EVENTS_ON_PAGE, offset: page * EVENTS_ON_PAGE }, signal),
    placeholderData: keepPreviousData,
    // On later pages each new event would move the rows under the reader's eyes.
    refetchInterval: page === 0 && pollEvery(INTERVAL),
  });

/** So many events are read to find the newest ones that changed or disclosed something. */
const RECENT = 50;

/** The newest events. They are read again when another job has ended. */
export const recentEvents = (newestJob: string | undefined) =>
  queryOptions({
    queryKey: ['audit', 'recent', newestJob],
    queryFn: async ({ signal }) => (await readEvents({ limit: RECENT }, signal)).items,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
    refetchInterval: pollEvery(INTERVAL),
  });

async function readEvents(query: Query, signal: AbortSignal): Promise<ListPage<AuditRecord>> {
  // The types have the text of an export, too.
  return body(await client.GET('/backup/audit', { params: { query }, signal })) as ListPage<AuditRecord>;
}

/** The path of a file with all events of a filter. */
export function auditFilePath(filter: AuditFilter, options: Record<string, string>): string {
  return `/backup/audit?${new URLSearchParams({ ...filter, ...options })}`;
}

/** A verification of all events, and when it ended. */
export interface AuditVerification {
  report: AuditReport;
  at: number;
}

/** The last verification of this session. */
export const auditVerification = queryOptions({
  queryKey: ['audit-verification'],
  // Only a request of the user computes it: it reads the whole audit.
  queryFn: (): AuditVerification | null => null,
  initialData: null,
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
});

/** Computes all hashes again. With a noted event (`ID:HASH`), it must still have the noted hash. */
export async function verifyAudit(noted: string): Promise<AuditVerification> {
  const query = noted === '' ? {} : { noted };
  const report = body(await client.GET('/backup/audit/verify', { params: { query } }));
  return { report, at: Date.now() };
}
