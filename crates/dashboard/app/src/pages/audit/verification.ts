import type { AuditReport } from '../../api/audit';
import { number } from '../../locale/format';

/** The form of a noted event. */
export const NOTED = /^\d+:[0-9a-fA-F]{64}$/;

/** What is wrong with the audit, and what to do. */
export function faultText({ fault, first_bad }: AuditReport): string {
  const event = first_bad === null ? 'An event' : `Event ${number(first_bad)}`;
  const text = {
    changed: `${event}, or the one before it, was changed.`,
    missing: `${event} was deleted, and not by the retention.`,
    added: `${event} was added.`,
    head: 'The mark of the newest event was changed, or the newest event was replaced.',
    noted: `${event} does not have the hash that you noted. It was changed, or the chain was computed again.`,
  }[fault ?? 'changed'];
  return `${text} The database was changed directly. Don’t trust the events from there on. Compare them with an export or the log, and ask the operator of this service which people and programs can write to the database.`;
}
