// How CSV files are written. What somebody has chosen is remembered in this browser.
import type { paths } from '../api/schema';
import type { Scope } from '../api/tables';
import type { Format } from './rows';

type Query = NonNullable<paths['/backup/download/{table}']['get']['parameters']['query']>;

export interface CsvStyle {
  delimiter: NonNullable<Query['delimiter']>;
  decimals: NonNullable<Query['decimals']>;
  dates: NonNullable<Query['dates']>;
  /** Whether names of students and courses stand beside their ids. Workbooks have them, too. */
  names: boolean;
}

export const STANDARD: CsvStyle = { delimiter: 'comma', decimals: 'point', dates: 'day_first', names: false };

/** Where 12.50 is written 12,50, Excel takes a semicolon for the end of a cell. */
export const DECIMAL_COMMAS = { delimiter: 'semicolon', decimals: 'comma', dates: 'day_first' } as const;

const ALLOWED: { [Name in keyof CsvStyle]: readonly CsvStyle[Name][] } = {
  delimiter: ['comma', 'semicolon', 'tab'],
  decimals: ['point', 'comma'],
  dates: ['day_first', 'iso'],
  names: [false, true],
};

/** The tables that refer to students and courses. */
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
    // Storage can be turned off; then it is chosen again after a reload.
  }
  for (const listener of listeners) listener();
}

/** What is asked of the service for a file of that form. It refuses what the form does not have. */
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
