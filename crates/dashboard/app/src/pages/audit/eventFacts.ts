// The fields of an event in words.
import type { AuditRecord } from '../../api/audit';
import type { ProblemDocument } from '../../api/problem';
import { nameOf, TABLES } from '../../api/tables';
import { userText } from '../../components/auditText';
import { problemMessage } from '../../components/problemMessage';
import { bytes, dateTimeZone, duration, listOf, number } from '../../locale/format';

export interface Fact {
  name: string;
  text: string;
  /** Whether people copy the text, such as an id. */
  isCode?: boolean;
}

const METHODS: Readonly<Record<NonNullable<AuditRecord['method']>, string>> = {
  password: 'with the password',
  session: 'signed in',
  token: 'with a token for scripts',
  link: 'with a download link',
  provider: 'through the identity provider',
  command_line: 'on the command line of the service’s machine',
  service: 'by itself',
};

/** The reasons that are not codes of problems. */
const REASONS: Readonly<Record<string, string>> = {
  wrong_password: 'The password was wrong.',
  inactive_user: 'The account is disabled.',
  password_needs_reset: 'The password must be reset.',
  too_many_attempts: 'There were too many attempts.',
  one_time_password_expired: 'The one-time password has expired.',
  no_local_account: 'The user belongs to the identity provider.',
  scope_missing: 'The token does not have this right.',
  account_changed: 'The account was changed meanwhile.',
  invalid_field: 'A value was not accepted.',
  archive_protected: 'The backup is protected from deletion.',
};

/** The names of the details. */
const DETAILS: Readonly<Record<string, string>> = {
  archive_id: 'Backup',
  bytes: 'Size',
  changed: 'Changed',
  deleted: 'Deleted',
  deleted_archives: 'Deleted backups',
  deleted_until: 'Deleted up to the event',
  email_changed: 'E-mail address changed',
  failed: 'Not deleted',
  file_sha256: 'SHA-256 of the uploaded file',
  freed_bytes: 'Freed space',
  import_id: 'Import',
  is_active: 'Enabled',
  is_elsewhere: 'In another place than before',
  job_id: 'Job',
  level: 'Check',
  mode: 'Mode',
  name: 'Name',
  outcome: 'Outcome',
  path: 'Operation',
  policy: 'Policy',
  protected: 'Protected from deletion',
  recipients: 'Public keys',
  removed: 'Deleted rows',
  role: 'Role',
  rows: 'Rows',
  safety_archive_id: 'Safety backup',
  scopes: 'Rights',
  seconds: 'Valid for',
  sha256: 'SHA-256 of the backup’s file',
  skipped_wrong: 'Rows left out',
  summary_digest: 'Digest of the backup’s content',
  tables: 'Tables',
  total: 'Rows in all',
  username: 'Account',
};

/** The details that people compare or copy. */
const CODES = /(_id|sha256|digest|path|recipients)$/;

/** All fields of an event that it has. */
export function factsOf(event: AuditRecord): Fact[] {
  const { id, at, method, token_id, client, subject, table, status, reason, hash } = event;
  const facts: (Fact | undefined)[] = [
    { name: 'When', text: `${dateTimeZone(at)} (${at.slice(0, 19).replace('T', ' ')} UTC)` },
    { name: 'Who', text: [userText(event), method && METHODS[method]].filter(Boolean).join(', ') },
    some(token_id, (found) => ({ name: 'Token', text: `Number ${found}` })),
    some(client, (text) => ({ name: 'From the address', text })),
    some(reason, (found) => ({ name: 'Reason', text: reasonText(found) })),
    some(table, (found) => ({ name: 'Table', text: nameOf(found) })),
    some(subject, (text) => ({ name: 'ID of the object', text, isCode: true })),
    ...Object.entries(event.details ?? {}).map(([name, value]) => detail(name, value)),
    some(status, (found) => ({ name: 'HTTP status', text: String(found) })),
    { name: 'Number of the event', text: number(id) },
    { name: 'Hash', text: hash, isCode: true },
  ];
  return facts.filter((fact) => fact !== undefined);
}

function some<T>(value: T | null, fact: (value: T) => Fact): Fact | undefined {
  return value === null ? undefined : fact(value);
}

/** Why it was refused or failed. The code is for the operator of the service. */
function reasonText(code: string): string {
  const message = problemMessage(code as ProblemDocument['code']);
  const text = REASONS[code] ?? message.detail ?? message.title;
  return text === undefined ? code : `${text} (${code})`;
}

function detail(name: string, value: unknown): Fact | undefined {
  const text = detailText(name, value);
  if (text === undefined || text === '') return undefined;
  return { name: DETAILS[name] ?? inWords(name), text, ...(CODES.test(name) && { isCode: true }) };
}

/** A value of the details in words. `undefined` if it says nothing. */
function detailText(name: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value === 'number') {
    if (name === 'bytes' || name === 'freed_bytes') return bytes(value);
    return name === 'seconds' ? duration(value) : number(value);
  }
  if (Array.isArray(value)) {
    return listOf(value.map((each) => (name === 'changed' ? inWords(String(each)) : String(each))));
  }
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([key, each]) => [key, detailText(key, each)] as const)
      .filter(([, text]) => text !== undefined)
      .map(([key, text]) => `${isTable(key) ? nameOf(key) : inWords(key)}: ${text}`)
      .join('; ');
  }
  return CODES.test(name) || name === 'name' || name === 'username' ? String(value) : inWords(String(value));
}

const isTable = (name: string): boolean => (TABLES as readonly string[]).includes(name);

/** A name of the API as words, such as `keep last`. */
const inWords = (name: string): string => name.replaceAll('_', ' ');
