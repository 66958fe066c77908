// The events of the audit in words.
import { timeFromId } from '../api/archives';
import type { AuditEvent, AuditRecord, AuditResult } from '../api/audit';
import { nameOf } from '../api/tables';
import { counted, dateTime, rows } from '../locale/format';
import { isolated } from '../locale/language';

/** A verb, its past tense, and its object. A word in braces stands for a name that the event has. */
type Phrase = readonly [verb: string, past: string, object?: string];

const PHRASES: Readonly<Record<AuditEvent, Phrase>> = {
  sign_in: ['sign in', 'signed in'],
  sign_in_refused: ['sign in', 'signed in'],
  sign_out: ['sign out', 'signed out'],
  sign_out_everywhere: ['sign out', 'signed out', 'everywhere'],
  sessions_ended: ['end', 'ended', 'all sessions of {account}'],
  all_sessions_ended: ['end', 'ended', 'all sessions of all accounts'],
  token_issued: ['create', 'created', 'a token without a name'],
  password_change: ['change', 'changed', 'their own password'],
  password_change_refused: ['change', 'changed', 'their own password'],
  token_refused: ['use', 'used', 'a token'],
  link_refused: ['use', 'used', 'a download link'],
  cookie_refused: ['continue', 'continued', 'a session that had been replaced'],
  access_refused: ['do', 'did', 'something without the right'],
  download: ['download', 'downloaded', '{table}{from}'],
  archive_download: ['download', 'downloaded', '{backup}'],
  certificate: ['open', 'opened', 'the certificate of {backup}'],
  comparison: ['compare', 'compared', 'backups or the current data'],
  link_created: ['create', 'created', 'a link to download {table}'],
  backup: ['create', 'created', 'a backup'],
  upload: ['upload', 'uploaded', 'a backup file'],
  verification: ['verify', 'verified', '{backup}'],
  restore_plan: ['preview', 'previewed', 'a restore of {backup}'],
  rekey: ['encrypt', 'encrypted', '{backup} again'],
  restore: ['restore', 'restored', '{backup}'],
  clear_preview: ['preview', 'previewed', 'a clear of {table}'],
  clear: ['clear', 'cleared', '{table}'],
  undo: ['undo', 'undid', 'a change'],
  import_plan: ['check', 'checked', 'a file to import into {table}'],
  import_errors: ['download', 'downloaded', 'the wrong rows of a file'],
  import: ['import', 'imported', 'a file into {table}'],
  import_discarded: ['discard', 'discarded', 'an import'],
  archive_change: ['change', 'changed', 'the name, the note or the protection of {backup}'],
  archive_acceptance: ['accept', 'accepted', '{backup} although it is suspicious'],
  archive_deletion: ['delete', 'deleted', '{backup}'],
  job_cancellation: ['cancel', 'cancelled', 'a job'],
  account_creation: ['create', 'created', '{account}'],
  account_change: ['change', 'changed', '{account}'],
  account_deletion: ['delete', 'deleted', '{account}'],
  account_reset: ['reset', 'reset', 'the password of {account}'],
  token_creation: ['create', 'created', '{token}'],
  token_revocation: ['revoke', 'revoked', '{token}'],
  schedule_creation: ['create', 'created', '{schedule}'],
  schedule_change: ['change', 'changed', '{schedule}'],
  schedule_deletion: ['delete', 'deleted', '{schedule}'],
  retention_change: ['change', 'changed', 'the retention policy'],
  retention_removal: ['turn off', 'turned off', 'the retention'],
  retention_preview: ['preview', 'previewed', 'the retention'],
  retention_application: ['delete', 'deleted', 'old backups'],
  notification_creation: ['create', 'created', '{notification}'],
  notification_change: ['change', 'changed', '{notification}'],
  notification_deletion: ['delete', 'deleted', '{notification}'],
  notification_test: ['test', 'tested', '{notification}'],
  destination_creation: ['create', 'created', '{destination}'],
  destination_change: ['change', 'changed', '{destination}'],
  destination_deletion: ['delete', 'deleted', '{destination}'],
  destination_test: ['test', 'tested', '{destination}'],
  audit_export: ['export', 'exported', 'the audit'],
  audit_retention: ['delete', 'deleted', 'old events of the audit'],
  operation: ['use', 'used', 'an operation'],
};

/** The names of the results, with their colors. */
export const RESULTS: Readonly<Record<AuditResult, { label: string; color: string }>> = {
  succeeded: { label: 'Done', color: 'green' },
  refused: { label: 'Refused', color: 'yellow' },
  failed: { label: 'Failed', color: 'red' },
  cancelled: { label: 'Cancelled', color: 'gray' },
  interrupted: { label: 'Interrupted', color: 'red' },
  repeated: { label: 'Repeated', color: 'gray' },
  unknown: { label: 'Not known', color: 'yellow' },
};

/** What follows the attempt in a sentence. */
const ENDINGS: Readonly<Record<Exclude<AuditResult, 'succeeded'>, string>> = {
  refused: 'It was refused',
  failed: 'It failed',
  cancelled: 'It was cancelled',
  interrupted: 'It was interrupted',
  repeated: 'It was the same request again, and nothing was done',
  unknown: 'It is not known whether it was done',
};

/** The action of an event: `Cleared attendance`, or `Clear attendance` if it was only attempted. */
export function actionText(event: AuditRecord): string {
  const [verb, past, object] = PHRASES[event.event] ?? PHRASES.operation;
  const words = `${event.result === 'succeeded' ? past : verb} ${withNames(object ?? '', event)}`.trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The whole event: `admin cleared attendance: 18 rows deleted`. */
export function eventText(event: AuditRecord): string {
  const action = actionText(event);
  const words = action.charAt(0).toLowerCase() + action.slice(1);
  if (event.result !== 'succeeded') {
    return `${userText(event)} tried to ${words}. ${ENDINGS[event.result]}.`;
  }
  const count = countText(event);
  return `${userText(event)} ${words}${count === undefined ? '' : `: ${count}`}`;
}

/** The user of an event, or what stands for one. */
export function userText({ username, method }: AuditRecord): string {
  if (method === 'service') return 'The service';
  if (method === 'command_line' && (username === null || username === 'system')) return 'The command line';
  return username === null ? 'An unknown user' : isolated(username);
}

/** The number that says most about an event. */
export function countText({ event, details }: AuditRecord): string | undefined {
  const count = (name: string): number | undefined => {
    const value = details?.[name];
    return typeof value === 'number' ? value : undefined;
  };
  const some = (found: number | undefined, text: (found: number) => string) =>
    found === undefined ? undefined : text(found);
  switch (event) {
    case 'download':
      return some(count('rows'), rows);
    case 'backup':
    case 'upload':
      return some(count('total'), rows);
    case 'clear':
      return some(sum(details?.removed), (removed) => `${rows(removed)} deleted`);
    case 'retention_application':
      return some(count('deleted_archives'), (deleted) => counted(deleted, 'backup', 'backups'));
    case 'audit_retention':
      return some(count('deleted'), (deleted) => counted(deleted, 'event', 'events'));
    default:
      return undefined;
  }
}

/** Where more about an event is shown. */
export interface EventLink {
  href: string;
  label: string;
}

/** The pages about the objects of an event: backups, the report of a restore, the account, the setting. */
export function eventLinks({ event, result, subject, details }: AuditRecord): EventLink[] {
  const links: EventLink[] = [];
  const add = (id: unknown, label: string) => {
    if (typeof id === 'string' && timeFromId(id)) links.push({ href: `/archives/${id}`, label });
  };
  if (!(event === 'archive_deletion' && result === 'succeeded')) add(subject, 'Show the backup');
  add(details?.archive_id, 'Show the backup');
  add(details?.safety_archive_id, 'Show the safety backup');
  if (event === 'restore' && typeof details?.job_id === 'string') {
    links.push({ href: `/restore/job/${details.job_id}`, label: 'Show the report' });
  }
  const page = PAGES.find(([prefix]) => event.startsWith(prefix));
  if (page) links.push({ href: page[1], label: page[2] });
  return links;
}

/** The pages of settings and changes, by the beginning of the event's name. */
const PAGES: readonly (readonly [prefix: string, href: string, label: string])[] = [
  ['account_', '/accounts', 'Show accounts'],
  ['token_', '/tokens', 'Show your tokens'],
  ['schedule_', '/schedules', 'Show schedules'],
  ['retention_', '/retention', 'Show the retention'],
  ['notification_', '/notifications', 'Show notifications'],
  ['destination_', '/destinations', 'Show destinations'],
  ['clear', '/clear', 'Show clears'],
  ['undo', '/clear', 'Show clears'],
];

/** Replaces the words in braces by the names that the event has. */
function withNames(object: string, event: AuditRecord): string {
  return object.replace(/\{(\w+)\}/g, (_, word: string) => {
    switch (word) {
      case 'table':
        return event.table === null ? 'data' : nameOf(event.table).toLowerCase();
      case 'backup':
        return backupOf(event) ?? 'a backup';
      case 'from': {
        const backup = backupOf(event);
        return backup === undefined ? '' : ` from ${backup}`;
      }
      default:
        return named(word, event);
    }
  });
}

function backupOf({ subject }: AuditRecord): string | undefined {
  const moment = timeFromId(subject ?? '');
  return moment && `the backup of ${dateTime(moment)}`;
}

/** Such as `the schedule “Nightly”`, or `a schedule` if the event has no name. */
function named(noun: string, { details }: AuditRecord): string {
  const name = details?.name ?? details?.username;
  if (typeof name === 'string') return `the ${noun} “${isolated(name)}”`;
  return `${noun.startsWith('a') ? 'an' : 'a'} ${noun}`;
}

/** The sum of the counts of all tables. */
function sum(counts: unknown): number | undefined {
  if (typeof counts !== 'object' || counts === null) return undefined;
  return Object.values(counts).reduce((total, count) => total + (typeof count === 'number' ? count : 0), 0);
}
