import { expect, test } from 'vitest';
import type { Change } from '../src/api/changes';
import { deletionPreview } from '../src/pages/archives/bulkDeletion';
import { withCurrent } from '../src/pages/archives/filterChoices';
import {
  activeFilters,
  DEFAULT_VIEW,
  type Filter,
  isFiltered,
  listQuery,
  NO_FILTER,
  stateOf,
  viewOf,
} from '../src/pages/archives/listing';
import { archive } from './sample';

const query = (filter: Partial<Filter>) =>
  listQuery({ ...DEFAULT_VIEW, filter: { ...NO_FILTER, ...filter } });

test('the default view asks for the newest backups', () => {
  expect(listQuery(DEFAULT_VIEW)).toEqual({ sort: 'id', direction: 'desc' });
  expect(stateOf(DEFAULT_VIEW).toString()).toBe('');
});

test('each filter is a parameter of the service', () => {
  expect(query({ search: '  exams before ', kind: 'created', check: 'failed', origin: 'found' })).toEqual({
    search: 'exams before',
    kind: 'created',
    verification: 'failed',
    origin: 'found',
    sort: 'id',
    direction: 'desc',
  });
  expect(
    query({ creator: 'anna', schedule: '3', destination: '7', isProtected: true, isSuspicious: true }),
  ).toMatchObject({
    created_by: 'anna',
    schedule_id: 3,
    destination_id: 7,
    protected: true,
    suspicious: true,
  });
  expect(query({ search: '  ' })).not.toHaveProperty('search');
});

test('an order is a field of the service and a direction', () => {
  const order = (sort: Parameters<typeof listQuery>[0]['sort']) => listQuery({ ...DEFAULT_VIEW, sort });
  expect(order({ by: 'name', isDescending: false })).toEqual({ sort: 'label', direction: 'asc' });
  expect(order({ by: 'rows', isDescending: true })).toEqual({ sort: 'total', direction: 'desc' });
});

test('the address has the view, and nothing else', () => {
  const view = {
    filter: { ...NO_FILTER, search: 'été & co', check: 'none', schedule: '3', isProtected: true } as const,
    sort: { by: 'size', isDescending: false } as const,
    page: 4,
  };
  const state = stateOf(view);
  expect(state.toString()).toBe(
    'search=%C3%A9t%C3%A9+%26+co&check=none&schedule=3&isProtected=true&sort=size&direction=asc&page=5',
  );
  expect(viewOf(state)).toEqual(view);
  expect(viewOf(new URLSearchParams())).toEqual(DEFAULT_VIEW);
});

test('values of an address that no view has are ignored', () => {
  const state = new URLSearchParams({
    kind: 'taken',
    check: 'toString',
    origin: '',
    schedule: '1; x',
    isProtected: 'yes',
    sort: 'constructor',
    page: '-7',
    other: '1',
  });
  expect(viewOf(state)).toEqual(DEFAULT_VIEW);
  expect(viewOf(new URLSearchParams({ search: 'a'.repeat(300) })).filter.search).toHaveLength(200);
});

test('the search is no filter, and leaves out backups all the same', () => {
  expect(activeFilters({ ...NO_FILTER, search: 'a', kind: 'safety', isProtected: true })).toBe(2);
  expect(isFiltered(NO_FILTER)).toBe(false);
  expect(isFiltered({ ...NO_FILTER, search: ' ' })).toBe(false);
  expect(isFiltered({ ...NO_FILTER, search: 'a' })).toBe(true);
  expect(isFiltered({ ...NO_FILTER, origin: 'found' })).toBe(true);
});

test('a filter of a deleted schedule is still among the choices', () => {
  const choices = [{ value: '1', label: 'nightly' }];
  expect(withCurrent(choices, '')).toBe(choices);
  expect(withCurrent(choices, '1')).toBe(choices);
  expect(withCurrent(choices, '2')).toEqual([...choices, { value: '2', label: '2' }]);
});

const LIST = [
  archive('2026-11-03T10-00-00Z-c', '03T10'),
  archive('2026-11-02T10-00-00Z-b', '02T10', { protected: true }),
  archive('2026-11-01T10-00-00Z-a', '01T10', { kind: 'uploaded' }),
];

test('the preview of a deletion leaves out protected backups and names the undos that would be lost', () => {
  const change = { id: 'change', safety_archive_id: LIST[2]?.id } as Change;
  const other = { id: 'other', safety_archive_id: 'elsewhere' } as Change;
  const preview = deletionPreview(LIST, [change, other]);
  expect(preview.deletable).toEqual([LIST[0], LIST[2]]);
  expect(preview.protected).toEqual([LIST[1]]);
  expect(preview.undos).toEqual([change]);
  expect(preview.bytes).toBe(2);
});
