// What the table of backups shows: search, filters, order and page, as a query of the service and as the state in the
// address.
import { type ArchiveKind, type ArchiveQuery, MAX_SEARCH } from '../../api/archiveList';
import type { Archive } from '../../api/archives';
import { KINDS } from '../../components/kinds';

/** The name by which the service creates backups itself, for a schedule. */
export const SCHEDULER = 'system';

export interface Filter {
  /** Words that a backup must contain, in any order. */
  search: string;
  kind: ArchiveKind | '';
  /** The result of the last verification. */
  check: NonNullable<ArchiveQuery['verification']> | '';
  origin: Archive['origin'] | '';
  /** The user that created it. */
  creator: string;
  /** The id of the schedule that created it. */
  schedule: string;
  /** The id of a destination that has a copy. */
  destination: string;
  isProtected: boolean;
  isSuspicious: boolean;
}

/** The columns that the service can sort by, each with its field. */
const SORTED_FIELDS = {
  name: 'label',
  data: 'created_at',
  stored: 'id',
  rows: 'total',
  size: 'size',
  kind: 'kind',
  creator: 'created_by',
} as const satisfies Record<string, NonNullable<ArchiveQuery['sort']>>;

export type SortColumn = keyof typeof SORTED_FIELDS;

export interface Sort {
  by: SortColumn;
  isDescending: boolean;
}

export interface ListView {
  filter: Filter;
  sort: Sort;
  /** The first page is 0. */
  page: number;
}

export const NO_FILTER: Filter = {
  search: '',
  kind: '',
  check: '',
  origin: '',
  creator: '',
  schedule: '',
  destination: '',
  isProtected: false,
  isSuspicious: false,
};

/** The order of the service: the newest stored backup first. */
const DEFAULT_SORT: Sort = { by: 'stored', isDescending: true };

export const DEFAULT_VIEW: ListView = { filter: NO_FILTER, sort: DEFAULT_SORT, page: 0 };

export const CHECKS: Readonly<Record<Exclude<Filter['check'], ''>, string>> = {
  test_restore: 'Restore tested',
  digest: 'Verified',
  none: 'Not verified since it was stored',
  failed: 'Damaged',
};

export const ORIGIN_NAMES: Readonly<Record<Archive['origin'], string>> = {
  made_here: 'Created here',
  uploaded: 'Uploaded',
  found: 'Found in the storage',
};

/** The number of filters that are set, without the search. */
export function activeFilters({ search: _, ...filters }: Filter): number {
  return Object.values(filters).filter(Boolean).length;
}

/** Whether the search or a filter leaves out backups. */
export function isFiltered(filter: Filter): boolean {
  return filter.search.trim() !== '' || activeFilters(filter) > 0;
}

/** The query of the service for a filter and an order. */
export function listQuery({ filter, sort }: Pick<ListView, 'filter' | 'sort'>): ArchiveQuery {
  const { search, kind, check, origin, creator, schedule, destination, isProtected, isSuspicious } = filter;
  return {
    ...(search.trim() !== '' && { search: search.trim() }),
    ...(kind && { kind }),
    ...(check && { verification: check }),
    ...(origin && { origin }),
    ...(creator && { created_by: creator }),
    ...(schedule && { schedule_id: Number(schedule) }),
    ...(destination && { destination_id: Number(destination) }),
    ...(isProtected && { protected: true }),
    ...(isSuspicious && { suspicious: true }),
    sort: SORTED_FIELDS[sort.by],
    direction: sort.isDescending ? 'desc' : 'asc',
  };
}

/** The state in the address. What is as in the default view is left out. */
export function stateOf({ filter, sort, page }: ListView): URLSearchParams {
  const state = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) state.set(name, String(value));
  if (sort.by !== DEFAULT_SORT.by || sort.isDescending !== DEFAULT_SORT.isDescending) {
    state.set('sort', sort.by);
    state.set('direction', sort.isDescending ? 'desc' : 'asc');
  }
  if (page > 0) state.set('page', String(page + 1));
  return state;
}

/** The view of a state in an address. A value that no view has is ignored. */
export function viewOf(state: URLSearchParams): ListView {
  const text = (name: keyof Filter): string => state.get(name) ?? '';
  const id = (name: keyof Filter): string => (/^\d{1,15}$/.test(text(name)) ? text(name) : '');
  const by = state.get('sort');
  return {
    filter: {
      search: text('search').slice(0, MAX_SEARCH),
      kind: oneOf(KINDS, text('kind')),
      check: oneOf(CHECKS, text('check')),
      origin: oneOf(ORIGIN_NAMES, text('origin')),
      creator: text('creator'),
      schedule: id('schedule'),
      destination: id('destination'),
      isProtected: text('isProtected') === 'true',
      isSuspicious: text('isSuspicious') === 'true',
    },
    sort: isColumn(by) ? { by, isDescending: state.get('direction') !== 'asc' } : DEFAULT_SORT,
    page: Math.max(0, (Number.parseInt(state.get('page') ?? '', 10) || 1) - 1),
  };
}

const isColumn = (name: string | null): name is SortColumn =>
  name !== null && Object.hasOwn(SORTED_FIELDS, name);

function oneOf<Name extends string>(names: Readonly<Record<Name, string>>, name: string): Name | '' {
  return Object.hasOwn(names, name) ? (name as Name) : '';
}

/** The name of the creator for people. */
export function creatorName(name: string): string {
  return name === SCHEDULER ? 'Schedule' : name;
}
