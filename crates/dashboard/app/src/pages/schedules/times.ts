// The times of a schedule: a cron expression for the service, inputs and words for people.
import cronstrue from 'cronstrue';

export type Interval = 'hour' | 'day' | 'week' | 'month' | 'cron';

/** The inputs of the form. Those of other intervals keep their values. */
export interface Times {
  every: Interval;
  /** The minute of an hourly schedule. */
  minute: string;
  /** The time of day, `HH:MM`. */
  time: string;
  /** The day of the week: `0` is Sunday. */
  weekday: string;
  /** The day of the month, or `L` for the last one. */
  day: string;
  /** The expression, for times that are not one of the intervals. */
  cron: string;
}

export const DEFAULT_TIMES: Times = {
  every: 'day',
  minute: '0',
  time: '02:00',
  weekday: '0',
  day: '1',
  cron: '0 2 * * *',
};

/** The last day of the month that each month has. */
export const LAST_COMMON_DAY = 28;

/** The cron expression of the inputs, or why they are not complete. */
export function toCron({
  every,
  minute,
  time,
  weekday,
  day,
  cron,
}: Times): { cron: string } | { problem: string } {
  if (every === 'cron') {
    const expression = cron.trim().split(/\s+/).join(' ');
    return expression === '' ? { problem: 'Enter a cron expression.' } : { cron: expression };
  }
  if (every === 'hour') {
    const isMinute = /^\d{1,2}$/.test(minute) && Number(minute) < 60;
    return isMinute ? { cron: `${Number(minute)} * * * *` } : { problem: 'Enter a minute from 0 to 59.' };
  }
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(time) ?? [];
  if (hours === undefined || minutes === undefined) return { problem: 'Enter a time of day.' };
  const moment = `${Number(minutes)} ${Number(hours)}`;
  if (every === 'day') return { cron: `${moment} * * *` };
  return { cron: every === 'week' ? `${moment} * * ${weekday}` : `${moment} ${day} * *` };
}

/** The inputs for a cron expression. */
export function fromCron(cron: string): Times {
  const [minute = '', hour = '', day = '', month = '', weekday = '', ...more] = cron.split(' ');
  const custom: Times = { ...DEFAULT_TIMES, every: 'cron', cron };
  if (more.length > 0 || month !== '*' || !isNumber(minute, 59)) return custom;
  const times = { ...custom, minute, time: `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}` };
  if (hour === '*') return day === '*' && weekday === '*' ? { ...custom, every: 'hour', minute } : custom;
  if (!isNumber(hour, 23)) return custom;
  if (day === '*' && weekday === '*') return { ...times, every: 'day', minute: '0' };
  if (day === '*' && isNumber(weekday, 6)) return { ...times, every: 'week', minute: '0', weekday };
  const isDay = day === 'L' || (isNumber(day, LAST_COMMON_DAY) && Number(day) > 0);
  return weekday === '*' && isDay ? { ...times, every: 'month', minute: '0', day } : custom;
}

function isNumber(text: string, most: number): boolean {
  return /^\d{1,2}$/.test(text) && Number(text) <= most;
}

/** The times in words, such as `At 02:00, every day`. `undefined` if the expression can't be read. */
export function wordsOf(cron: string): string | undefined {
  // The service knows five fields only. With six, the first one would be the second.
  if (cron.trim().split(/\s+/).length !== 5) return undefined;
  try {
    return cronstrue.toString(cron.trim(), {
      use24HourTimeFormat: true,
      verbose: true,
      throwExceptionOnParseError: true,
    });
  } catch {
    return undefined;
  }
}
