// The facts of the health in words.
import { expect, test } from 'vitest';
import type { BackupHealth } from '../src/api/health';
import { storeText } from '../src/components/storeText';
import { factsOf } from '../src/pages/health/facts';

const STORE: BackupHealth['store'] = {
  reachable: true,
  free_bytes: null,
  archives: 3,
  bytes: 5_000,
  retained: 0,
};
const COPIES = { copied: 2, pending: 0, failed: 0, deleting: 0, retained: 0 };
const HEALTH: BackupHealth = {
  status: 'ok',
  reasons: [],
  checked_at: '2026-11-30T09:00:00Z',
  last_backup: null,
  backup_expected_since: null,
  last_verified: null,
  next_run: null,
  store: STORE,
  key: { encrypts: false, needs_identity: false, opens_last_backup: null },
  destinations: [],
};

const text = (health: BackupHealth, name: string) => factsOf(health).find((fact) => fact.name === name)?.text;

test('missing facts are stated, and not left out', () => {
  expect(text(HEALTH, 'Last backup')).toBe('This service has not created a backup yet.');
  expect(text(HEALTH, 'Last verified')).toBe('No backup was verified yet.');
  expect(text(HEALTH, 'Next scheduled backup')).toBe('None is planned.');
  expect(text(HEALTH, 'Encryption')).toBe('New backups are not encrypted.');
});

test('the storage states only known values', () => {
  expect(storeText(STORE)).toBe('3 backups, 5 kB.');
  expect(storeText({ ...STORE, free_bytes: 1e9, retained: 2 })).toBe(
    '3 backups, 5 kB, 1 GB free, 2 that it refuses to delete.',
  );
  expect(storeText({ ...STORE, archives: null, bytes: null, retained: null })).toBe('It can be reached.');
  expect(storeText({ ...STORE, reachable: false })).toBe('It can’t be reached.');
});

test('a key that does not open the last backup is said', () => {
  const health = { ...HEALTH, key: { encrypts: true, needs_identity: false, opens_last_backup: false } };
  expect(text(health, 'Encryption')).toBe('New backups are encrypted. The last backup can’t be decrypted.');
});

test('a secret key that only people have is no defect', () => {
  const health = { ...HEALTH, key: { encrypts: true, needs_identity: true, opens_last_backup: false } };
  expect(text(health, 'Encryption')).toBe(
    'New backups are encrypted. The service can’t decrypt them: a restore asks for the secret key.',
  );
});

test('a destination says how many backups are behind', () => {
  const destination = {
    id: 1,
    name: 'Cloud',
    enabled: true,
    copies: { ...COPIES, pending: 1, failed: 2 },
    waiting_since: null,
    last_copied_at: null,
    failing_since: null,
    last_error: null,
  };
  expect(text({ ...HEALTH, destinations: [destination] }, 'Destination “Cloud”')).toBe(
    '2 backups copied. 3 are behind.',
  );
  const current = { ...destination, copies: COPIES, enabled: false };
  expect(text({ ...HEALTH, destinations: [current] }, 'Destination “Cloud”')).toBe(
    'It is disabled. 2 backups copied.',
  );
});
