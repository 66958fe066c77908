import type { AuditEvent, AuditFilter, AuditResult } from '../../api/audit';

/** The fields of the filter. An empty text means all. */
export interface FilterFields {
  event: AuditEvent | '';
  user: string;
  result: AuditResult | '';
  table: string;
  /** The first and the last day, as `2026-11-30`, in the zone of the browser. */
  from: string;
  to: string;
  /** The id of an object, chosen in the details of an event. */
  subject: string;
}

export const NO_FILTER: FilterFields = {
  event: '',
  user: '',
  result: '',
  table: '',
  from: '',
  to: '',
  subject: '',
};

/** The filter for the service. The last day is included. */
export function queryOf({ event, user, result, table, from, to, subject }: FilterFields): AuditFilter {
  const begin = startOfDay(from);
  const end = startOfDay(to, 1);
  return {
    ...(event && { event }),
    ...(user.trim() && { user: user.trim() }),
    ...(result && { result }),
    ...(table && { table }),
    ...(subject && { subject }),
    ...(begin && { from: begin }),
    ...(end && { to: end }),
  };
}

/** The beginning of a day in the zone of the browser, or of one so many days later. `undefined` for no day. */
function startOfDay(day: string, later = 0): string | undefined {
  const parts = /^(\d{4,})-(\d\d)-(\d\d)$/.exec(day);
  if (!parts) return undefined;
  const moment = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + later);
  // The service knows the years to 9999. A browser lets people type more.
  return Number.isNaN(moment.getTime()) || moment.getFullYear() > 9999 ? undefined : moment.toISOString();
}
