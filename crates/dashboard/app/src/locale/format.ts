// Formats numbers, times and sizes in the language of the page.
import { localeOf } from './language';

const languages = localeOf(document.documentElement.lang, navigator.languages);

const whole = new Intl.NumberFormat(languages, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(languages, { maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(languages, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const hundredths = new Intl.NumberFormat(languages, { style: 'percent', maximumFractionDigits: 0 });
const list = new Intl.ListFormat(languages, { type: 'conjunction' });
const time = new Intl.DateTimeFormat(languages, { timeStyle: 'medium' });
const moment = new Intl.DateTimeFormat(languages, { dateStyle: 'medium', timeStyle: 'medium' });
const momentAndZone = new Intl.DateTimeFormat(languages, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});
const day = new Intl.DateTimeFormat(languages, { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat(languages, { day: 'numeric', month: 'short', year: 'numeric' });
const minute = new Intl.DateTimeFormat(languages, { hour: '2-digit', minute: '2-digit' });
const relative = new Intl.RelativeTimeFormat(languages);

export const number = (value: number): string => whole.format(value);
/** Formats an exact decimal, which is a string because JavaScript numbers round large amounts. */
export const money = (decimal: string): string => cents.format(decimal as Intl.StringNumericLiteral);
export const percent = (share: number): string => hundredths.format(share);
export const clock = (when: string | number | Date): string => time.format(new Date(when));
export const dateTime = (when: string | number | Date): string => moment.format(new Date(when));
/** A time in the zone of the browser, with the name of the zone, such as `30 Nov 2026, 10:12 CET`. */
export const dateTimeZone = (when: string | number | Date): string => momentAndZone.format(new Date(when));

/** Such as `28 Nov 13:00`, with the year if it is not the current one. */
export function shortDateTime(when: string | number | Date): string {
  const date = new Date(when);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return `${(isThisYear ? day : dayAndYear).format(date)} ${minute.format(date)}`;
}

/** Such as `2 hours ago`, in the largest unit that fits. */
export function ago(when: string | number | Date): string {
  const minutes = Math.floor((Date.now() - new Date(when).getTime()) / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  if (minutes < 60) return relative.format(-minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? relative.format(-hours, 'hour') : relative.format(-Math.floor(hours / 24), 'day');
}

/** Such as `in 5 hours`, in the largest unit that fits. */
export function fromNow(when: string | number | Date, now = Date.now()): string {
  const minutes = Math.round((new Date(when).getTime() - now) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return relative.format(minutes, 'minute');
  const hours = Math.round(minutes / 60);
  return hours < 48 ? relative.format(hours, 'hour') : relative.format(Math.round(hours / 24), 'day');
}

/** Such as `students, payments and attendance`. */
export const listOf = (names: string[]): string => list.format(names);

// The texts of the page are English, even if the numbers have another format.
const forms = new Intl.PluralRules('en');

/** The form of a word for a count: `is` or `are`, `student` or `students`. */
export function plural(count: number, one: string, other: string): string {
  return forms.select(count) === 'one' ? one : other;
}

/** A count and its noun, such as `1 user` or `3,000 users`. */
export function counted(count: number, one: string, other: string): string {
  return `${number(count)} ${plural(count, one, other)}`;
}

/** Such as `1 row` or `3,000 rows`. */
export const rows = (count: number): string => counted(count, 'row', 'rows');

/** A size in decimal units, as file managers and browsers show it. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = size;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const written = value < 100 && unit > 0 ? tenths.format(value) : number(value);
  return `${written} ${units[unit]}`;
}

/** A duration in its two largest units. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${number(total)} s`;
  if (total < 3_600) return `${number(Math.floor(total / 60))} min ${number(total % 60)} s`;
  return `${number(Math.floor(total / 3_600))} h ${number(Math.floor((total % 3_600) / 60))} min`;
}
