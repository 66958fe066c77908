import { Code, Title } from '@mantine/core';
import { type Archive, timeFromId } from '../../api/archives';
import { type Fact, FactList } from '../../components/FactList';
import { KINDS } from '../../components/kinds';
import { Panel } from '../../components/Panel';
import { ORIGINS } from '../../components/verification';
import { bytes, dateTimeZone, money } from '../../locale/format';
import { creatorName } from './listing';

const ENGINE_NAMES: Readonly<Record<string, string>> = {
  sqlite: 'SQLite',
  postgresql: 'PostgreSQL',
  mysql: 'MySQL or MariaDB',
};

/** The details of a backup. */
export function ArchiveFacts({ archive }: { archive: Archive }) {
  const { id, kind, origin, created_at, created_by, size, engine, encryption, totals } = archive;
  const stored = timeFromId(id);
  const payments = totals['payments.amount_paid'];
  const facts: Fact[] = [
    ['Kind', KINDS[kind]],
    ['Origin', ORIGINS[origin].description],
    ['Created by', created_by && <bdi>{creatorName(created_by)}</bdi>],
    ['Data of', dateTimeZone(created_at)],
    ['Added', stored && dateTimeZone(stored)],
    ['Sum of all payments', payments && money(payments)],
    ['Size', bytes(size)],
    ['Encryption', encryption === 'age' ? 'Encrypted' : 'Not encrypted'],
    ['Database', `${ENGINE_NAMES[engine] ?? engine}. It can be restored into any of them.`],
    ['ID', <Code key="id">{id}</Code>],
  ];
  return (
    <Panel label="Details">
      <Title order={2} size="h4" mb="sm">
        Details
      </Title>
      <FactList facts={facts} />
    </Panel>
  );
}
