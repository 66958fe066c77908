// The names of students, courses and other rows, for pages that would otherwise show ids.
import { queryOptions } from '@tanstack/react-query';
import { type RowSource, readRecords } from './archivedRows';
import type { ReadIdentity } from './identity';
import type { Table } from './tables';

/** The names by table and id. */
export type Names = ReadonlyMap<string, string>;

/** The headings of the columns that name a row. */
const NAMING: Readonly<Partial<Record<Table, readonly string[]>>> = {
  students: ['Full Name', 'Registration Number'],
  courses: ['Course Name'],
  payment_categories: ['Name'],
  users: ['Username'],
};

/** The tables to which a table refers, and the table itself if its rows have names. */
const NEEDED: Record<Table, readonly Table[]> = {
  students: ['students'],
  courses: ['courses'],
  enrollments: ['students', 'courses'],
  payments: ['students', 'payment_categories'],
  attendance: ['students', 'courses'],
  payment_categories: ['payment_categories'],
  users: ['users'],
};

/** The table to which a column refers. */
const REFERENCES: Readonly<Record<string, Table>> = {
  student_id: 'students',
  course_id: 'courses',
  category_id: 'payment_categories',
};

/** So many names of a table are kept in memory. Other rows are shown with their ids. */
const MAX_NAMES = 50_000;

/** The names for the rows of a table, on both sides of a comparison. */
export const names = (from: RowSource, to: RowSource, table: Table, identity: ReadIdentity) =>
  queryOptions({
    queryKey: ['names', from, to, table],
    queryFn: async ({ signal }): Promise<{ from: Names; to: Names }> => ({
      from: await readNames(from, NEEDED[table], signal, identity()),
      to: await readNames(to, NEEDED[table], signal, identity()),
    }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
    structuralSharing: false,
  });

async function readNames(
  source: RowSource,
  tables: readonly Table[],
  signal: AbortSignal,
  identity: string | undefined,
): Promise<Names> {
  const found = new Map<string, string>();
  for (const table of tables) {
    let columns: number[] = [];
    const accept = (record: string[], place: number) => {
      if (place === 0) columns = (NAMING[table] ?? []).map((heading) => record.indexOf(heading));
      else found.set(keyOf(table, record[0]), nameFrom(columns.map((column) => record[column] ?? '')));
      return place < MAX_NAMES;
    };
    await readRecords(source, table, signal, accept, identity);
  }
  return found;
}

function nameFrom([name = '', detail = '']: string[]): string {
  return detail === '' ? name : `${name} (${detail})`;
}

const keyOf = (table: string, id: unknown): string => `${table} ${id}`;

/** The name of a row. */
export function nameOfRow(of: Names | undefined, table: string, id: number): string | undefined {
  return of?.get(keyOf(table, id));
}

/** The name of the row to which a column refers, if it refers to one. */
export function nameOfReference(of: Names | undefined, field: string, value: unknown): string | undefined {
  const table = REFERENCES[field];
  return table === undefined || value == null ? undefined : of?.get(keyOf(table, value));
}
