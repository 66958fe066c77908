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
        lead="Files to keep or to work with. Each shows one moment, however long it takes, while others go on working."
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
              with counts and digests at its end. It contains the users’ password hashes: keep it as you keep
              passwords.
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
            One table
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
          <b>Excel</b> to look at and to work with: leading zeros and dates stay as they are. <b>CSV</b> for
          other programs; open it in Excel through “Data”, “From text”, if numbers should keep their zeros.{' '}
          <b>JSON</b> to keep: it has every column, and a restore reads it. More than {number(1_048_575)} rows
          continue on a next sheet. JSON of the users has their password hashes, too.
        </Tip>
      </Stack>
    </>
  );
}
