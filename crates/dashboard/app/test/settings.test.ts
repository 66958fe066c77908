// The settings page names options that the program has.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { grouped, SERVER_OPTIONS } from '../src/pages/settings/facts';

test('each named option is in the reference of the configuration', () => {
  const reference = readFileSync('../../../docs/reference/configuration.md', 'utf8');
  const options = SERVER_OPTIONS.flatMap(({ options }) => options);
  for (const { option } of options) expect(reference).toContain(`| \`${option}\` |`);
  expect(new Set(options.map(({ option }) => option)).size).toBe(options.length);
});

test('a fingerprint is shown in groups of four digits', () => {
  expect(grouped('21fe31dfa154a2')).toBe('21fe 31df a154 a2');
});
