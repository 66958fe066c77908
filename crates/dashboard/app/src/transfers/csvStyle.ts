// The style of CSV files. The browser remembers the choice.
import type { paths } from '../api/schema';
import type { Scope } from '../api/tables';
import type { Format } from './rows';

type Query = NonNullable<paths['/backup/download/{table}']['get']['parameters']['query']>;

export interface CsvStyle {
  delimiter: NonNullable<Query['delimiter']>;
  decimals: NonNullable<Query['decimals']>;
  dates: NonNullable<Query['dates']>;
  /** Whether the names of students and courses are next to their ids, in CSV files and workbooks. */
  names: boolean;
}

export const STANDARD: CsvStyle = { delimiter: 'comma', decimals: 'point', dates: 'day_first', names: false };

/** Where 12.50 is written as 12,50, Excel expects a semicolon between cells. */
export const DECIMAL_COMMAS = { delimiter: 'semicolon', decimals: 'comma', dates: 'day_first' } as const;

const ALLOWED: { [Name in keyof CsvStyle]: readonly CsvStyle[Name][] } = {
  delimiter: ['comma', 'semicolon', 'tab'],
  decimals: ['point', 'comma'],
  dates: ['day_first', 'iso'],
  names: [false, true],
};

/** The tables that refer to students or courses. */
const WITH_NAMES: readonly Scope[] = ['enrollments', 'payments', 'attendance'];

const CHOSEN = 'campus-backup.csv-style';

let chosen = read();
const listeners = new Set<() => void>();

export function current(): CsvStyle {
  return chosen;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function choose(change: Partial<CsvStyle>): void {
  chosen = { ...chosen, ...change };
  try {
    localStorage.setItem(CHOSEN, JSON.stringify(chosen));
  } catch {
    // If storage is disabled, a reload forgets the choice.
  }
  for (const listener of listeners) listener();
}

/** The query of a download. The service refuses options that the format does not have. */
export function downloadQuery(scope: Scope, format: Format, style: CsvStyle): string {
  const query = new URLSearchParams({ format });
  const add = (name: keyof CsvStyle) => {
    if (style[name] !== STANDARD[name]) query.set(name, String(style[name]));
  };
  if (format === 'csv') for (const name of ['delimiter', 'decimals', 'dates'] as const) add(name);
  if (format !== 'json' && WITH_NAMES.includes(scope)) add('names');
  return query.toString();
}

function read(): CsvStyle {
  try {
    const stored = JSON.parse(localStorage.getItem(CHOSEN) ?? '{}') as Record<string, unknown>;
    const known = Object.entries(ALLOWED).filter(([name, allowed]) =>
      (allowed as readonly unknown[]).includes(stored[name]),
    );
    return { ...STANDARD, ...Object.fromEntries(known.map(([name]) => [name, stored[name]])) };
  } catch {
    return STANDARD;
  }
}
