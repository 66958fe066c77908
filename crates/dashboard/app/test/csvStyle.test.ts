import { beforeEach, expect, test, vi } from 'vitest';

const stored = new Map<string, string>();
vi.stubGlobal('localStorage', {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, value: string) => stored.set(name, value),
});

beforeEach(() => {
  stored.clear();
  vi.resetModules();
});

test('each download requests only the options of its format', async () => {
  const { downloadQuery, STANDARD, DECIMAL_COMMAS } = await import('../src/transfers/csvStyle');
  expect(downloadQuery('payments', 'csv', STANDARD)).toBe('format=csv');
  const style = { ...DECIMAL_COMMAS, dates: 'iso', names: true } as const;
  expect(downloadQuery('payments', 'csv', style)).toBe(
    'format=csv&delimiter=semicolon&decimals=comma&dates=iso&names=true',
  );
  expect(downloadQuery('students', 'csv', style)).toBe(
    'format=csv&delimiter=semicolon&decimals=comma&dates=iso',
  );
  expect(downloadQuery('attendance', 'xlsx', style)).toBe('format=xlsx&names=true');
  expect(downloadQuery('attendance', 'json', style)).toBe('format=json');
  expect(downloadQuery('all', 'json', style)).toBe('format=json');
});

test('a choice is remembered, and an outdated one is ignored', async () => {
  const first = await import('../src/transfers/csvStyle');
  first.choose({ delimiter: 'tab', names: true });
  vi.resetModules();
  const second = await import('../src/transfers/csvStyle');
  expect(second.current()).toEqual({ ...first.STANDARD, delimiter: 'tab', names: true });
  stored.set('campus-backup.csv-style', '{"delimiter":"pipe","dates":"iso","names":"yes"}');
  vi.resetModules();
  const third = await import('../src/transfers/csvStyle');
  expect(third.current()).toEqual({ ...third.STANDARD, dates: 'iso' });
});
