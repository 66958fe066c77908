import { Button, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { stats } from '../../api/queries';
import { nameOf, TABLES, type Table } from '../../api/tables';
import { FirstRows } from '../../components/FirstRows';
import { Icon } from '../../components/Icon';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Tip } from '../../components/Tip';
import { number, rows } from '../../locale/format';
import { DOWNLOAD_FORMATS } from '../../transfers/rows';
import { start } from '../../transfers/store';
import { CsvOptions } from './CsvOptions';
import classes from './Download.module.css';
import { TransferList } from './TransferList';

export default function Download() {
  const { data, error, refetch } = useQuery(stats);
  const [shown, setShown] = useState<Table>();
  return (
    <>
      <PageHeader
        title="Download"
        lead="Download data as files. Each file has the data of one moment, and all users can continue to work during a download."
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
                  <Button
                    size="xs"
                    variant="default"
                    disabled={data?.[table] === 0}
                    aria-expanded={shown === table}
                    aria-label={`First rows of ${nameOf(table).toLowerCase()}`}
                    onClick={() => setShown(shown === table ? undefined : table)}
                  >
                    First rows
                  </Button>
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
                {shown === table && data && (
                  <div className={classes.rows}>
                    <FirstRows source="live" table={table} total={data[table]} />
                  </div>
                )}
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
