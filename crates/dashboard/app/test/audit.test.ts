// Events of the audit in words, and the filter of the list.
import { expect, test } from 'vitest';
import type { AuditRecord, AuditReport } from '../src/api/audit';
import { actionText, countText, eventLinks, eventText, userText } from '../src/components/auditText';
import { factsOf } from '../src/pages/audit/eventFacts';
import { EVENT_GROUPS } from '../src/pages/audit/eventNames';
import { NO_FILTER, queryOf } from '../src/pages/audit/filter';
import { faultText } from '../src/pages/audit/verification';

const ARCHIVE = '2026-11-30T16-59-16Z-4c568ac9';

function record(changed: Partial<AuditRecord>): AuditRecord {
  return {
    id: 7,
    at: '2026-11-30T16:59:22.927648Z',
    event: 'clear',
    result: 'succeeded',
    username: 'admin',
    user_id: 1,
    method: 'session',
    token_id: null,
    client: '203.0.113.7',
    subject: null,
    table: null,
    status: null,
    reason: null,
    details: null,
    hash: 'ab'.repeat(32),
    ...changed,
  };
}

/** The text without the characters that isolate the direction of names. */
const plain = (text: string) => text.replace(/[\u2068\u2069]/g, '');

test('an event is a sentence, whatever its result is', () => {
  const clear = { event: 'clear', table: 'attendance', details: { removed: { attendance: 1_018 } } } as const;
  expect(plain(eventText(record(clear)))).toBe('admin cleared attendance: 1,018 rows deleted');
  expect(plain(eventText(record({ ...clear, result: 'refused' })))).toBe(
    'admin tried to clear attendance. It was refused.',
  );
  expect(plain(eventText(record({ ...clear, result: 'unknown' })))).toBe(
    'admin tried to clear attendance. It is not known whether it was done.',
  );
  expect(plain(eventText(record({ event: 'sign_in_refused', result: 'refused' })))).toBe(
    'admin tried to sign in. It was refused.',
  );
});

test('an action names its backup, account or setting, if the event has it', () => {
  expect(actionText(record({ event: 'verification', subject: ARCHIVE }))).toMatch(
    /^Verified the backup of 30 Nov 2026/,
  );
  expect(actionText(record({ event: 'verification', result: 'failed', subject: 'a-job' }))).toBe(
    'Verify a backup',
  );
  expect(actionText(record({ event: 'download', table: 'students', subject: ARCHIVE }))).toMatch(
    /^Downloaded students from the backup of 30 Nov/,
  );
  expect(plain(actionText(record({ event: 'account_change', details: { username: 'clerk' } })))).toBe(
    'Changed the account “clerk”',
  );
  expect(actionText(record({ event: 'account_deletion', result: 'refused' }))).toBe('Delete an account');
});

test('each event has a sentence without braces, and one name in the filter', () => {
  const named = EVENT_GROUPS.flatMap(({ events }) => events.map(([event]) => event));
  expect(new Set(named).size).toBe(named.length);
  for (const event of named) expect(actionText(record({ event })), event).toMatch(/^[A-Z][^{}]+$/);
});

test('the service, the command line and an unknown user are named', () => {
  expect(userText(record({ username: 'system', method: 'service' }))).toBe('The service');
  expect(userText(record({ username: 'system', method: 'command_line' }))).toBe('The command line');
  expect(userText(record({ username: null, method: null }))).toBe('An unknown user');
});

test('an event without counts shows none', () => {
  expect(countText(record({ event: 'clear' }))).toBeUndefined();
  expect(countText(record({ event: 'download', details: { rows: 0 } }))).toBe('0 rows');
});

test('links lead to the backups and pages of an event, but to no deleted backup', () => {
  expect(eventLinks(record({ event: 'archive_deletion', subject: ARCHIVE }))).toEqual([]);
  expect(eventLinks(record({ event: 'archive_deletion', result: 'refused', subject: ARCHIVE }))).toEqual([
    { href: `/archives/${ARCHIVE}`, label: 'Show the backup' },
  ]);
  const details = { job_id: 'job', safety_archive_id: ARCHIVE };
  expect(eventLinks(record({ event: 'restore', details })).map(({ href }) => href)).toEqual([
    `/archives/${ARCHIVE}`,
    '/restore/job/job',
  ]);
});

test('the details of an event are words', () => {
  const facts = factsOf(
    record({
      reason: 'wrong_password',
      details: {
        bytes: 1_500,
        rows: { students: 2, payments: 1_000 },
        policy: { keep_last: 3, max_bytes: null },
        changed: ['label', 'max_bytes'],
        protected: true,
        safety_archive_id: null,
        recipients: ['age1a', 'age1b'],
      },
    }),
  );
  const text = (name: string) => facts.find((fact) => fact.name === name)?.text;
  expect(text('Reason')).toBe('The password was wrong. (wrong_password)');
  expect(text('Size')).toBe('1.5 kB');
  expect(text('Rows')).toBe('Students: 2; Payments: 1,000');
  expect(text('Policy')).toBe('keep last: 3');
  expect(text('Changed')).toBe('label and max bytes');
  expect(text('Protected from deletion')).toBe('Yes');
  expect(text('Safety backup')).toBeUndefined();
  expect(text('Public keys')).toBe('age1a and age1b');
  expect(text('Hash')).toBe('ab'.repeat(32));
});

test('the filter includes its last day, and leaves out what is empty', () => {
  expect(queryOf(NO_FILTER)).toEqual({});
  const query = queryOf({ ...NO_FILTER, user: ' admin ', from: '2026-11-30', to: '2026-11-30' });
  expect(query.user).toBe('admin');
  expect(Date.parse(query.to ?? '') - Date.parse(query.from ?? '')).toBe(24 * 60 * 60 * 1_000);
  expect(queryOf({ ...NO_FILTER, from: '99999-01-01', to: 'x' })).toEqual({});
});

test('each fault of the audit says which event is wrong, and what to do', () => {
  for (const fault of ['changed', 'missing', 'added', 'head', 'noted'] as const) {
    const text = faultText({ fault, first_bad: 1_234 } as AuditReport);
    if (fault !== 'head') expect(text).toMatch(/^Event 1,234/);
    expect(text).toContain('Compare them with an export');
  }
});
