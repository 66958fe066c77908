import { Checkbox, Group, NativeSelect, Radio, Stack, Text } from '@mantine/core';
import { useState, useSyncExternalStore } from 'react';
import { Panel } from '../../components/Panel';
import {
  type CsvStyle,
  choose,
  current,
  DECIMAL_COMMAS,
  STANDARD,
  subscribe,
} from '../../transfers/csvStyle';

type Preset = 'standard' | 'excel' | 'own';

/** What stands between fields, before decimals and in dates. */
type CsvNotation = Pick<CsvStyle, 'delimiter' | 'decimals' | 'dates'>;

const PRESETS: Record<Exclude<Preset, 'own'>, CsvNotation> = {
  standard: { delimiter: STANDARD.delimiter, decimals: STANDARD.decimals, dates: STANDARD.dates },
  excel: DECIMAL_COMMAS,
};

/** How CSV files are written, for whoever opens them. It is remembered. */
export function CsvOptions() {
  const style = useSyncExternalStore(subscribe, current);
  const [isOwn, setIsOwn] = useState(() => presetOf(style) === 'own');
  const preset = isOwn ? 'own' : presetOf(style);
  return (
    <Panel label="CSV files">
      <Stack>
        <Radio.Group
          label="CSV files for"
          description="This browser remembers the choice. It holds for the tables of a stored backup, too."
          value={preset}
          onChange={(next) => {
            setIsOwn(next === 'own');
            if (next === 'standard' || next === 'excel') choose(PRESETS[next]);
          }}
        >
          <Stack gap="xs" mt="xs">
            <Radio
              value="standard"
              label="Other programs, and Excel where amounts are written 12.50"
              description="Commas between fields, dates as 31-12-2026"
            />
            <Radio
              value="excel"
              label="Excel where amounts are written 12,50"
              description="Semicolons between fields, dates as 31-12-2026"
            />
            <Radio value="own" label="Something else" />
          </Stack>
        </Radio.Group>
        {preset === 'own' && (
          <Group align="flex-start">
            <NativeSelect
              label="Between fields"
              value={style.delimiter}
              onChange={(event) =>
                choose({ delimiter: event.currentTarget.value as CsvNotation['delimiter'] })
              }
              data={[
                { value: 'comma', label: 'Comma ( , )' },
                { value: 'semicolon', label: 'Semicolon ( ; )' },
                { value: 'tab', label: 'Tab' },
              ]}
            />
            <NativeSelect
              label="Amounts"
              value={style.decimals}
              onChange={(event) => choose({ decimals: event.currentTarget.value as CsvNotation['decimals'] })}
              data={[
                { value: 'point', label: '12.50' },
                { value: 'comma', label: '12,50' },
              ]}
            />
            <NativeSelect
              label="Dates"
              value={style.dates}
              onChange={(event) => choose({ dates: event.currentTarget.value as CsvNotation['dates'] })}
              data={[
                { value: 'day_first', label: '31-12-2026' },
                { value: 'iso', label: '2026-12-31' },
              ]}
            />
          </Group>
        )}
        <Checkbox
          label="Names of students and courses beside their IDs"
          description="In enrollments, payments and attendance, as CSV and for Excel"
          checked={style.names}
          onChange={(event) => choose({ names: event.currentTarget.checked })}
        />
        <Text size="sm" c="dimmed">
          A restore reads the complete backup and not these files, so nothing is lost by any choice.
        </Text>
      </Stack>
    </Panel>
  );
}

function presetOf(style: CsvNotation): Preset {
  const matches = (preset: CsvNotation) =>
    style.delimiter === preset.delimiter &&
    style.decimals === preset.decimals &&
    style.dates === preset.dates;
  if (matches(PRESETS.standard)) return 'standard';
  return matches(PRESETS.excel) ? 'excel' : 'own';
}
