// Times that name their zone.
import { localeOf } from './language';

const locale = localeOf(document.documentElement.lang, navigator.languages);

/** The parts of a time to the minute. */
const MINUTE = {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
} as const;

/** Browsers know some zones by former names only. The service knows the present names, too. */
const RENAMED: Readonly<Record<string, string>> = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
  'America/Catamarca': 'America/Argentina/Catamarca',
  'America/Coral_Harbour': 'America/Atikokan',
  'America/Cordoba': 'America/Argentina/Cordoba',
  'America/Godthab': 'America/Nuuk',
  'America/Indianapolis': 'America/Indiana/Indianapolis',
  'America/Jujuy': 'America/Argentina/Jujuy',
  'America/Louisville': 'America/Kentucky/Louisville',
  'America/Mendoza': 'America/Argentina/Mendoza',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Kiev': 'Europe/Kyiv',
  'Pacific/Enderbury': 'Pacific/Kanton',
  'Pacific/Ponape': 'Pacific/Pohnpei',
  'Pacific/Truk': 'Pacific/Chuuk',
};

const presentName = (zone: string): string => RENAMED[zone] ?? zone;

/** The zone of the browser, such as `Europe/Berlin`. */
export const browserZone = (): string => presentName(new Intl.DateTimeFormat().resolvedOptions().timeZone);

/** A time in an IANA zone, such as `Mon, 30 Nov 2026, 02:00 (Europe/Berlin)`. */
export function timeInZone(when: string | number | Date, zone: string): string {
  const known = isKnownZone(zone) ? zone : 'UTC';
  return `${formatter(known, { ...MINUTE, weekday: 'short' }).format(new Date(when))} (${known})`;
}

/** A month, such as `November 2026`. */
export function monthName(year: number, month: number): string {
  return formatter('UTC', { month: 'long', year: 'numeric' }).format(new Date(Date.UTC(year, month - 1)));
}

/** A day, such as `30 November 2026`. */
export function dayName(year: number, month: number, day: number): string {
  const options = { day: 'numeric', month: 'long', year: 'numeric' } as const;
  return formatter('UTC', options).format(new Date(Date.UTC(year, month - 1, day)));
}

/** The names of the weekdays, from Monday. */
export function weekdayNames(width: 'short' | 'long'): string[] {
  // 1 January 2024 was a Monday.
  const day = (number: number) => new Date(Date.UTC(2024, 0, number));
  return [1, 2, 3, 4, 5, 6, 7].map((number) => formatter('UTC', { weekday: width }).format(day(number)));
}

/** The time zones that a schedule can have. */
export function timeZones(): string[] {
  return [...new Set([...Intl.supportedValuesOf('timeZone').map(presentName), 'UTC'])].sort();
}

function formatter(timeZone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { ...options, ...(timeZone && { timeZone }) });
}

function isKnownZone(zone: string): boolean {
  try {
    formatter(zone, {});
    return true;
  } catch {
    return false;
  }
}
