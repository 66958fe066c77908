import { Button, Group, Text } from '@mantine/core';
import type { ImportTable } from '../../api/imports';
import { nameOf } from '../../api/tables';
import { downloadInPage } from '../../transfers/store';
import { TransferRow } from '../../transfers/TransferRow';
import { useTransfers } from '../../transfers/useTransfers';

const FORMATS = [
  { format: 'xlsx', label: 'Excel' },
  { format: 'csv', label: 'CSV' },
] as const;

/** Downloads a file with the headings of a table. */
export function Templates({ table }: { table: ImportTable }) {
  const name = nameOf(table);
  const pathTo = (format: string) => `/backup/imports/${table}/template?format=${format}`;
  const paths: string[] = FORMATS.map(({ format }) => pathTo(format));
  const transfers = useTransfers().filter(
    ({ source }) => source.from === 'page' && paths.includes(source.path),
  );
  return (
    <>
      <Group gap="xs">
        <Text size="sm">To begin with an empty file, download a template:</Text>
        {FORMATS.map(({ format, label }) => (
          <Button
            key={format}
            size="xs"
            variant="light"
            aria-label={`Template for ${name.toLowerCase()} as ${label}`}
            onClick={() =>
              downloadInPage(`Template for ${name.toLowerCase()}`, { path: pathTo(format), format })
            }
          >
            {label}
          </Button>
        ))}
      </Group>
      {transfers.map((each) => (
        <TransferRow key={each.id} transfer={each} />
      ))}
    </>
  );
}
