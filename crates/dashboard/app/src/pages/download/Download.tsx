import { Button, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { stats } from '../../api/queries';
import { nameOf, TABLES } from '../../api/tables';
import { Icon } from '../../components/Icon';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Tip } from '../../components/Tip';
import { number, rows } from '../../locale/format';
import type { Format } from '../../transfers/rows';
import { start } from '../../transfers/store';
import { CsvOptions } from './CsvOptions';
import classes from './Download.module.css';
import { TransferList } from './TransferList';

export const DOWNLOAD_FORMATS: { format: Format; label: string }[] = [
  { format: 'csv', label: 'CSV' },
  { format: 'xlsx', label: 'Excel' },
  { format: 'json', label: 'JSON' },
];

export default function Download() {
  const { data, error, refetch } = useQuery(stats);
  return (
    <>
      <PageHeader
        title="Download"
        lead="Download data as files. Each file has the data of one moment, and everybody can continue to work meanwhile."
      />
      <Stack gap="xl">
        <TransferList />
        {error && !data && (
          <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />
        )}
        <section className={classes.complete} aria-labelledby="complete">
          <div>
            <Title order={2} size="h4" id="complete">
              Complete backup
            </Title>
            <Text size="sm" c="dimmed">
              {data
                ? `All seven tables, ${rows(data.total)}, in one JSON file`
                : 'All seven tables in one JSON file'}{' '}
              that can be checked and restored. Protect the file like a password: it contains the users’
              password hashes.
            </Text>
          </div>
          <Button
            leftSection={<Icon name="download" size={18} />}
            onClick={() => start('all', 'json', data?.total)}
          >
            Download everything
          </Button>
        </section>
        <section aria-labelledby="tables">
          <Title order={2} size="h4" id="tables" className={classes.heading}>
            Single tables
          </Title>
          <ul className={classes.tables}>
            {TABLES.map((table) => (
              <li key={table} className={classes.table}>
                <span className={classes.name}>
                  {nameOf(table)}
                  <Text component="span" size="sm" c="dimmed" className={classes.count}>
                    {data ? rows(data[table]) : ' '}
                  </Text>
                </span>
                <span className={classes.formats}>
                  {DOWNLOAD_FORMATS.map(({ format, label }) => (
                    <Button
                      key={format}
                      size="xs"
                      variant="light"
                      aria-label={`${nameOf(table)} as ${label}`}
                      onClick={() => start(table, format, data?.[table])}
                    >
                      {label}
                    </Button>
                  ))}
                </span>
              </li>
            ))}
          </ul>
        </section>
        <CsvOptions />
        <Tip title="Which format?">
          <b>Excel</b> is best for reading and editing: leading zeros and dates are kept. Tables with more
          than {number(1_048_575)} rows continue on the next sheet. <b>CSV</b> is for other programs. To keep
          leading zeros in Excel, open it with “Data”, “From Text/CSV”. <b>JSON</b> has every column. The JSON
          file of the users contains their password hashes.
        </Tip>
      </Stack>
    </>
  );
}
