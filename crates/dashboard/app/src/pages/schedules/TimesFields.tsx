import { Fieldset, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { weekdayNames } from '../../locale/zone';
import { type Interval, LAST_COMMON_DAY, type Times, toCron, wordsOf } from './times';

const INTERVALS: { value: Interval; label: string }[] = [
  { value: 'hour', label: 'Every hour' },
  { value: 'day', label: 'Every day' },
  { value: 'week', label: 'Every week' },
  { value: 'month', label: 'Every month' },
  { value: 'cron', label: 'Other times (cron expression)' },
];

const DAYS = [
  ...Array.from({ length: LAST_COMMON_DAY }, (_, index) => ({
    value: String(index + 1),
    label: `Day ${index + 1}`,
  })),
  { value: 'L', label: 'Last day' },
];

/** From Monday. Cron numbers the days from Sunday. */
const WEEKDAYS = weekdayNames('long').map((label, index) => ({ value: String((index + 1) % 7), label }));

/** The inputs for the times of a schedule, and the times in words. */
export function TimesFields({
  times,
  onChange,
  error,
}: {
  times: Times;
  onChange: (times: Times) => void;
  /** The error of the times. It is shown at the input that can correct it. */
  error: string | undefined;
}) {
  const { every, minute, time, weekday, day, cron } = times;
  const set = (part: Partial<Times>) => onChange({ ...times, ...part });
  const found = toCron(times);
  const words = 'cron' in found ? wordsOf(found.cron) : undefined;
  return (
    <Fieldset legend="Times">
      <Stack gap="sm">
        <NativeSelect
          label="How often"
          value={every}
          onChange={(event) => {
            const next = event.currentTarget.value as Interval;
            // The expression starts with the times that were chosen before.
            set({ every: next, ...(next === 'cron' && 'cron' in found && { cron: found.cron }) });
          }}
          data={INTERVALS}
        />
        {every === 'hour' && (
          <TextInput
            label="Minute"
            type="number"
            min={0}
            max={59}
            value={minute}
            onChange={(event) => set({ minute: event.currentTarget.value })}
            error={error}
          />
        )}
        {every === 'week' && (
          <NativeSelect
            label="Day of the week"
            value={weekday}
            onChange={(event) => set({ weekday: event.currentTarget.value })}
            data={WEEKDAYS}
          />
        )}
        {every === 'month' && (
          <NativeSelect
            label="Day of the month"
            value={day}
            onChange={(event) => set({ day: event.currentTarget.value })}
            data={DAYS}
          />
        )}
        {['day', 'week', 'month'].includes(every) && (
          <TextInput
            label="Time of day"
            type="time"
            value={time}
            onChange={(event) => set({ time: event.currentTarget.value })}
            error={error}
          />
        )}
        {every === 'cron' && (
          <TextInput
            label="Cron expression"
            description="Five fields: minute, hour, day of the month, month, day of the week"
            maxLength={100}
            dir="ltr"
            spellCheck={false}
            autoComplete="off"
            value={cron}
            onChange={(event) => set({ cron: event.currentTarget.value })}
            error={error}
          />
        )}
        <Text size="sm" aria-live="polite" data-testid="words">
          {words ?? 'These times can’t be shown in words.'}
        </Text>
      </Stack>
    </Fieldset>
  );
}
