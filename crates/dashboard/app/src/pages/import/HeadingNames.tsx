import { Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ImportTable } from '../../api/imports';
import { columnChoices } from './columns';

/** Says which heading is which column, before the service has read the file. */
export function HeadingNames({
  table,
  columns,
  onChange,
}: {
  table: ImportTable;
  columns: Readonly<Record<string, string>>;
  onChange: (columns: Record<string, string>) => void;
}) {
  const [heading, setHeading] = useState('');
  const choices = columnChoices(table);
  const [column, setColumn] = useState(choices[1]?.value ?? '');
  const name = heading.trim();
  const add = () => {
    if (name === '') return;
    onChange({ ...columns, [name]: column });
    setHeading('');
  };
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500}>
        Headings in other words
      </Text>
      <Text size="sm" c="dimmed">
        Usual words are recognized. For others, write the heading as it is in your file.
      </Text>
      {Object.entries(columns).map(([each, of]) => (
        <Group key={each} gap="xs">
          <Text size="sm">
            <bdi>{each}</bdi>: {choices.find(({ value }) => value === of)?.label}
          </Text>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Remove ${each}`}
            onClick={() =>
              onChange(Object.fromEntries(Object.entries(columns).filter(([other]) => other !== each)))
            }
          >
            Remove
          </Button>
        </Group>
      ))}
      <Group align="flex-end">
        <TextInput
          label="Heading"
          autoComplete="off"
          value={heading}
          onChange={(event) => setHeading(event.currentTarget.value)}
        />
        <NativeSelect
          label="Column"
          value={column}
          onChange={(event) => setColumn(event.currentTarget.value)}
          data={choices}
        />
        <Button variant="default" disabled={name === ''} onClick={add}>
          Add
        </Button>
      </Group>
    </Stack>
  );
}
