import { NativeSelect, Stack, Text, Title } from '@mantine/core';
import type { ImportPlan, ImportTable } from '../../api/imports';
import { columnChoices, fileColumns, withColumn } from './columns';
import classes from './Import.module.css';

/** Which heading of the file is which column. A changed one needs a new plan. */
export function ColumnMatching({
  plan,
  mapping,
  onChange,
}: {
  plan: ImportPlan;
  /** The columns that people have chosen. */
  mapping: Readonly<Record<string, string>>;
  onChange: (mapping: Record<string, string>) => void;
}) {
  const headings = fileColumns(plan);
  const choices = columnChoices(plan.table as ImportTable);
  return (
    <Stack>
      <div>
        <Title order={3} size="h4">
          Columns
        </Title>
        <Text size="sm" c="dimmed">
          Each heading of the file, and the column that its values go to. Columns that the file does not have
          stay unchanged.
        </Text>
      </div>
      <ul className={classes.columns}>
        {headings.map(({ heading, column, reason }) => {
          const value = mapping[heading] ?? column;
          return (
            <li key={heading}>
              <NativeSelect
                label={<bdi>{heading}</bdi>}
                description={value === '' && value === column ? reason : undefined}
                value={value}
                data={
                  choices.some((each) => each.value === value)
                    ? choices
                    : [...choices, { value, label: value }]
                }
                onChange={(event) =>
                  onChange(withColumn(mapping, headings, heading, event.currentTarget.value))
                }
              />
            </li>
          );
        })}
      </ul>
    </Stack>
  );
}
