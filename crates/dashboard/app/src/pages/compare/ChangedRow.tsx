import { Badge, Group, Text } from '@mantine/core';
import type { DiffRow } from '../../api/diff';
import { type Names, nameOfReference, nameOfRow } from '../../api/names';
import { CHANGE_LOOKS, FieldChanges } from '../../components/FieldChanges';
import { valueText } from '../../components/headings';

interface Props {
  row: DiffRow;
  table: string;
  names: { from: Names; to: Names } | undefined;
  sides: { from: string; to: string };
}

/** One row that differs: its name, and the values of both sides next to each other. */
export function ChangedRow({ row: { id, change, fields }, table, names, sides }: Props) {
  const { label, color } = CHANGE_LOOKS[change];
  const name = nameOfRow(names?.to, table, id) ?? nameOfRow(names?.from, table, id);
  // The empty columns of an added or removed row say nothing.
  const shown = fields.filter(
    ({ from, to, hidden }) => change === 'changed' || hidden || (from ?? to) != null,
  );
  const text = (side: 'from' | 'to', field: string, value: unknown) =>
    nameOfReference(names?.[side], field, value) ?? valueText(value);
  return (
    <>
      <Group gap="sm">
        {name && (
          <Text fw={600}>
            <bdi>{name}</bdi>
          </Text>
        )}
        <Text fw={name ? 400 : 550}>ID {id}</Text>
        <Badge variant="light" color={color}>
          {label}
        </Badge>
      </Group>
      <FieldChanges
        kind={change}
        fields={shown.map(({ field, from, to, hidden }) => ({
          field,
          before: text('from', field, from),
          after: text('to', field, to),
          hidden: hidden === true,
        }))}
        sides={{ before: sides.from, after: sides.to }}
      />
    </>
  );
}
