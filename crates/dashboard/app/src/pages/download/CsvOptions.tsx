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

/** The separator, the decimal sign and the form of dates. */
type CsvNotation = Pick<CsvStyle, 'delimiter' | 'decimals' | 'dates'>;

const PRESETS: Record<Exclude<Preset, 'own'>, CsvNotation> = {
  standard: { delimiter: STANDARD.delimiter, decimals: STANDARD.decimals, dates: STANDARD.dates },
  excel: DECIMAL_COMMAS,
};

/** The settings of CSV files. The browser remembers them. */
export function CsvOptions() {
  const style = useSyncExternalStore(subscribe, current);
  const [isOwn, setIsOwn] = useState(() => presetOf(style) === 'own');
  const preset = isOwn ? 'own' : presetOf(style);
  return (
    <Panel label="CSV files">
      <Stack>
        <Radio.Group
          label="CSV files for"
          description="This browser remembers the choice. It also applies to tables that you download from a backup."
          value={preset}
          onChange={(next) => {
            setIsOwn(next === 'own');
            if (next === 'standard' || next === 'excel') choose(PRESETS[next]);
          }}
        >
          <Stack gap="xs" mt="xs">
            <Radio
              value="standard"
              label="Other programs, and Excel with amounts like 12.50"
              description="Commas between fields, dates as 31-12-2026"
            />
            <Radio
              value="excel"
              label="Excel with amounts like 12,50"
              description="Semicolons between fields, dates as 31-12-2026"
            />
            <Radio value="own" label="Custom" />
          </Stack>
        </Radio.Group>
        {preset === 'own' && (
          <Group align="flex-start">
            <NativeSelect
              label="Separator"
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
          label="Add the names of students and courses to their IDs"
          description="In enrollments, payments and attendance, for CSV and Excel"
          checked={style.names}
          onChange={(event) => choose({ names: event.currentTarget.checked })}
        />
        <Text size="sm" c="dimmed">
          These settings change only the downloaded files. A restore uses the complete backup.
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
