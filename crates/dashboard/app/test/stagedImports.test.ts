// Planned imports: which plans and files this browser remembers.
import { beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS, type ImportPlan, type ImportRequest } from '../src/api/imports';
import { queries } from '../src/api/queries';

const service = vi.hoisted(() => ({
  plans: [] as unknown[],
  sent: [] as string[],
  discard: vi.fn<(id: string) => Promise<void>>(),
}));

vi.mock('../src/transfers/sendImport', () => ({
  sendImport: async (file: File, table: string, options: URLSearchParams) => {
    service.sent.push(`${table} ${file.name} ${options}`);
    const plan = service.plans.shift();
    if (plan instanceof Error) throw plan;
    return plan;
  },
}));
vi.mock('../src/session/store', async (original) => ({
  ...(await original<object>()),
  current: () => ({ state: 'in', user: { username: 'admin' } }),
  untilSignedIn: async () => undefined,
}));
vi.mock('../src/api/imports', async (original) => ({
  ...(await original<object>()),
  discardImport: service.discard,
}));

const stored = new Map<string, string>();
vi.stubGlobal('localStorage', {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => stored.set(key, value),
});

const REQUEST: ImportRequest = { table: 'students', options: { ...DEFAULT_OPTIONS, mode: 'insert' } };
const FILE = new File(['a'], 'list.csv');
const SENT = Date.parse('2026-11-30T10:00:00Z');

const plan = (id: string, changed: Partial<ImportPlan> = {}) => ({
  id,
  table: 'students',
  file: { name: 'list.csv' },
  rows: { read: 1 },
  created_by: 'admin',
  created_at: '2026-11-30T10:00:00Z',
  expires_at: '2026-12-01T10:00:00Z',
  ...changed,
});

async function load() {
  vi.resetModules();
  const imports = await import('../src/transfers/imports');
  const staged = await import('../src/transfers/stagedImports');
  const ids = (now = SENT) => staged.ofUser(staged.current(), now).map(({ id }) => id);
  return { ...imports, ids, staged };
}

beforeEach(() => {
  stored.clear();
  service.sent = [];
  service.discard.mockReset().mockResolvedValue();
  queries.clear();
});

test('a plan is remembered with its file, and after a reload without it', async () => {
  service.plans = [plan('one')];
  const before = await load();
  expect(await before.planImport(FILE, REQUEST)).toBe('one');
  expect(service.sent).toEqual(['students list.csv mode=insert']);
  expect(before.fileOf('one')).toBe(FILE);
  expect(before.ids()).toEqual(['one']);
  const after = await load();
  expect(after.fileOf('one')).toBeUndefined();
  expect(after.ids()).toEqual(['one']);
  expect(after.staged.current()[0]?.request).toEqual(REQUEST);
});

test('a new plan replaces the previous one', async () => {
  service.plans = [plan('one'), plan('two')];
  const { planImport, fileOf, ids } = await load();
  await planImport(FILE, REQUEST);
  await planImport(FILE, REQUEST, 'one');
  expect(service.discard).toHaveBeenCalledWith('one');
  expect(ids()).toEqual(['two']);
  expect(fileOf('one')).toBeUndefined();
});

test('a refused file keeps the previous plan', async () => {
  service.plans = [plan('one'), new Error('refused')];
  const { planImport, fileOf, ids } = await load();
  await planImport(FILE, REQUEST);
  expect(await planImport(FILE, REQUEST, 'one')).toBeUndefined();
  expect(service.discard).not.toHaveBeenCalled();
  expect(ids()).toEqual(['one']);
  expect(fileOf('one')).toBe(FILE);
});

test('expired plans, and those of another user, are not listed', async () => {
  service.plans = [plan('one'), plan('other', { created_by: 'eve' })];
  const { planImport, ids } = await load();
  await planImport(FILE, REQUEST);
  await planImport(FILE, REQUEST);
  expect(ids()).toEqual(['one']);
  expect(ids(SENT + 24 * 60 * 60 * 1_000)).toEqual([]);
});

test('a damaged list in the storage is ignored', async () => {
  for (const damaged of ['{', '{}', '[null, {"id": 1}]']) {
    stored.set('campus-backup.staged-imports', damaged);
    expect((await load()).ids()).toEqual([]);
  }
});
