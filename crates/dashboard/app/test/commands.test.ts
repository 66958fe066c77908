// The command palette finds pages, actions and backups.
import { expect, test } from 'vitest';
import type { Archive } from '../src/api/archives';
import type { Page } from '../src/pages/registry';
import { findCommands } from '../src/palette/commands';
import { archive } from './sample';

const load = () => Promise.reject(new Error('not loaded here'));
const PAGES: Page[] = [
  { path: '/', order: 10, label: 'Home', icon: 'overview', load },
  { path: '/audit', order: 125, label: 'Audit', icon: 'audit', load },
];

const labels = (search: string, found: Archive[] = []) =>
  findCommands(search, PAGES, found).map(({ title, commands }) => [
    title,
    ...commands.map(({ label }) => label),
  ]);

test('without a search there are the actions and the pages', () => {
  expect(labels('')).toEqual([
    ['Actions', 'Back up now', 'Change your password', 'Sign out'],
    ['Pages', 'Home', 'Audit'],
  ]);
});

test('words find a page, and an action by its synonym', () => {
  expect(labels('AUD')).toEqual([['Pages', 'Audit']]);
  expect(labels('log out')).toEqual([['Actions', 'Sign out']]);
  expect(labels('nothing like this')).toEqual([]);
});

test('backups that the service has found are listed, at most eight', () => {
  const found = [archive('one', '28T13', { label: 'Élèves, start of term' })];
  expect(labels('eleves', found)).toEqual([['Backups', 'Élèves, start of term']]);
  const many = Array.from({ length: 20 }, (_, count) =>
    archive(`many${count}`, '27T13', { label: 'nightly' }),
  );
  const [backups] = labels('nightly', many);
  expect(backups).toHaveLength(1 + 8);
});
