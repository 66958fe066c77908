import { Button, Checkbox, Group, NativeSelect, Radio, Stack, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import type { ImportMode, ImportOptions, ImportRequest } from '../../api/imports';
import { Icon } from '../../components/Icon';
import { HeadingNames } from './HeadingNames';
import { changedOptions } from './options';

const MODES: { mode: ImportMode; label: string; description: string }[] = [
  {
    mode: 'upsert',
    label: 'Add new rows and change existing ones',
    description: 'Rows that are not in the file stay.',
  },
  { mode: 'insert', label: 'Only add new rows', description: 'Existing rows stay unchanged.' },
  { mode: 'update', label: 'Only change existing rows', description: 'New rows are left out.' },
  {
    mode: 'replace',
    label: 'Replace the whole table',
    description: 'Rows that are not in the file are deleted, with the rows that refer to them.',
  },
];

/** The options of an import, hidden until they are needed. */
export function OptionsPanel({
  request: { table, options },
  onChange,
  hasHeadings = false,
}: {
  request: ImportRequest;
  onChange: (options: ImportOptions) => void;
  /** Whether the page shows the headings of the file elsewhere. */
  hasHeadings?: boolean;
}) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const set = (change: Partial<ImportOptions>) => onChange({ ...options, ...change });
  const changed = changedOptions(options);
  return (
    <Stack>
      <Group>
        <Button
          variant="default"
          size="xs"
          aria-expanded={isOpen}
          aria-controls={id}
          leftSection={<Icon name="options" size={16} />}
          onClick={() => setOpen(!isOpen)}
        >
          {changed > 0 ? `Options (${changed} changed)` : 'Options'}
        </Button>
      </Group>
      {isOpen && (
        <Stack id={id}>
          <Radio.Group
            label="Which rows of the file are used"
            value={options.mode}
            onChange={(mode) => set({ mode: mode as ImportMode })}
          >
            <Stack gap="xs" mt="xs">
              {MODES.map(({ mode, label, description }) => (
                <Radio key={mode} value={mode} label={label} description={description} />
              ))}
            </Stack>
          </Radio.Group>
          <Checkbox
            label="Leave out wrong rows"
            description={
              options.mode === 'replace'
                ? 'Not with “Replace the whole table”: the rows that are left out would be deleted.'
                : 'Otherwise one wrong row refuses the whole file.'
            }
            disabled={options.mode === 'replace'}
            checked={options.skipWrong && options.mode !== 'replace'}
            onChange={(event) => set({ skipWrong: event.currentTarget.checked })}
          />
          {table === 'payments' && (
            <Checkbox
              label="Create missing payment categories"
              description="Otherwise an unknown category is an error."
              checked={options.createMissing}
              onChange={(event) => set({ createMissing: event.currentTarget.checked })}
            />
          )}
          <Group align="flex-start">
            <NativeSelect
              label="Dates such as 03/04/2026"
              value={options.dates}
              onChange={(event) => set({ dates: event.currentTarget.value as ImportOptions['dates'] })}
              data={[
                { value: 'day_first', label: 'Day first: 3 April' },
                { value: 'month_first', label: 'Month first: 4 March' },
                { value: 'year_first', label: 'Year first' },
              ]}
            />
            <NativeSelect
              label="Amounts"
              value={options.decimals}
              onChange={(event) => set({ decimals: event.currentTarget.value as ImportOptions['decimals'] })}
              data={[
                { value: 'auto', label: 'As they are written' },
                { value: 'point', label: '1,234.50' },
                { value: 'comma', label: '1.234,50' },
              ]}
            />
            <TextInput
              label="Sheet"
              placeholder="The one with the headings"
              autoComplete="off"
              value={options.sheet}
              onChange={(event) => set({ sheet: event.currentTarget.value })}
            />
          </Group>
          <Checkbox
            label="Remove the apostrophe before formulas"
            description="Our CSV files protect a text such as =1+1 with an apostrophe."
            checked={options.formulaGuard}
            onChange={(event) => set({ formulaGuard: event.currentTarget.checked })}
          />
          {!hasHeadings && (
            <HeadingNames
              table={table}
              columns={options.columns}
              onChange={(next) => set({ columns: next })}
            />
          )}
        </Stack>
      )}
    </Stack>
  );
}
