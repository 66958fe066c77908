// Imports: a file becomes a plan, and a plan becomes a change.
import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import type { components, paths } from './schema';
import type { Table } from './tables';

export type ImportPlan = components['schemas']['ImportPlan'];
type Query = NonNullable<paths['/backup/imports/{id}']['post']['parameters']['query']>;
export type ImportMode = NonNullable<Query['mode']>;

/** The tables that a file can be imported into. */
export const IMPORT_TABLES = [
  'students',
  'courses',
  'payment_categories',
  'enrollments',
  'payments',
  'attendance',
] as const satisfies readonly Table[];
export type ImportTable = (typeof IMPORT_TABLES)[number];

/** How a file is read, and which of its rows are used. */
export interface ImportOptions {
  mode: ImportMode;
  /** Whether wrong and conflicting rows are left out. */
  skipWrong: boolean;
  /** Whether missing payment categories are created. */
  createMissing: boolean;
  dates: NonNullable<Query['dates']>;
  decimals: NonNullable<Query['decimals']>;
  /** The sheet of a workbook. If it is empty, the service chooses. */
  sheet: string;
  /** Whether the apostrophe before a formula is removed. */
  formulaGuard: boolean;
  /** The column for a heading of the file. An empty column ignores the heading. */
  columns: Readonly<Record<string, string>>;
}

export interface ImportRequest {
  table: ImportTable;
  options: ImportOptions;
}

/** The options of the service if nothing is said. */
export const DEFAULT_OPTIONS: ImportOptions = {
  mode: 'upsert',
  skipWrong: false,
  createMissing: false,
  dates: 'day_first',
  decimals: 'auto',
  sheet: '',
  formulaGuard: true,
  columns: {},
};

/** The parameters of a request: the options that are not the default, and that the table has. */
export function importParameters({ table, options }: ImportRequest): URLSearchParams {
  const query = new URLSearchParams();
  if (options.mode !== DEFAULT_OPTIONS.mode) query.set('mode', options.mode);
  // Rows that are left out would be removed.
  if (options.skipWrong && options.mode !== 'replace') query.set('skip_wrong', 'true');
  if (options.createMissing && table === 'payments') query.set('create_missing', 'payment_categories');
  if (options.dates !== DEFAULT_OPTIONS.dates) query.set('dates', options.dates);
  if (options.decimals !== DEFAULT_OPTIONS.decimals) query.set('decimals', options.decimals);
  if (options.sheet.trim() !== '') query.set('sheet', options.sheet.trim());
  if (!options.formulaGuard) query.set('formula_guard', 'false');
  if (Object.keys(options.columns).length > 0) query.set('columns', JSON.stringify(options.columns));
  return query;
}

/** A plan never changes, and each reading is an event of the audit. */
export const importPlan = (id: string) =>
  queryOptions({
    queryKey: ['imports', id],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/imports/{id}', { params: { path: { id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    retry: false,
  });

/** Deletes the file and the plan. */
export async function discardImport(id: string, signal: AbortSignal | null = null): Promise<void> {
  await client.DELETE('/backup/imports/{id}', { params: { path: { id } }, signal });
}
