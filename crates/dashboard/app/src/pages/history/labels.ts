// The labels of the axes, in the language of the page and the zone of the browser.
import { localeOf } from '../../locale/language';

const languages = localeOf(document.documentElement.lang, navigator.languages);
const month = new Intl.DateTimeFormat(languages, { month: 'short', year: 'numeric' });
const day = new Intl.DateTimeFormat(languages, { day: 'numeric', month: 'short' });
const minute = new Intl.DateTimeFormat(languages, { hour: '2-digit', minute: '2-digit' });
const short = new Intl.NumberFormat(languages, { notation: 'compact', maximumFractionDigits: 1 });

const DAY = 86_400;
const MONTH = 28 * DAY;

/** Such as `12K`. */
export const compact = (value: number): string => short.format(value);

/** The labels of times in seconds that are so many seconds apart. Times of one day name the day once. */
export function timeLabels(times: readonly number[], apart: number): string[] {
  let before = '';
  return times.map((time) => {
    const at = time * 1_000;
    if (apart >= MONTH) return month.format(at);
    const ofDay = day.format(at);
    const label = apart >= DAY || ofDay !== before ? ofDay : minute.format(at);
    before = ofDay;
    return label;
  });
}
