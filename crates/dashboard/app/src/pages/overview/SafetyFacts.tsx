import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { BackupHealth } from '../../api/health';
import { storeText } from '../../components/storeText';
import { ago, dateTimeZone, number } from '../../locale/format';
import classes from './Overview.module.css';

/** The state of the backups in five facts. */
export function SafetyFacts({ health }: { health: BackupHealth }) {
  const { last_backup, last_verified, next_run, destinations, store } = health;
  const facts: [string, ReactNode][] = [
    ['Newest own backup', last_backup ? <Moment key="at" of={last_backup} /> : 'None'],
    [
      'Last check',
      last_verified ? (
        <>
          <Moment of={last_verified} />:{' '}
          {last_verified.level === 'test_restore' ? 'restored as a test' : 'read completely'}
        </>
      ) : (
        'None'
      ),
    ],
    ['Next scheduled backup', next_run ? dateTimeZone(next_run) : 'None'],
    ['Copies elsewhere', destinations.length > 0 ? destinations.map(destinationText).join(' ') : 'None'],
    ['Backup storage', storeText(store)],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Moment({ of: { archive_id, at } }: { of: { archive_id: string; at: string } }) {
  return (
    <Anchor component={Link} href={`/archives/${archive_id}`} size="sm" underline="always">
      {ago(at)}, {dateTimeZone(at)}
    </Anchor>
  );
}

function destinationText({
  name,
  enabled,
  copies,
  failing_since,
}: BackupHealth['destinations'][number]): string {
  if (!enabled) return `${name}: disabled.`;
  if (failing_since) return `${name}: failing since ${dateTimeZone(failing_since)}.`;
  const waiting = copies.pending + copies.failed;
  return `${name}: ${number(copies.copied)} copied${waiting > 0 ? `, ${number(waiting)} queued` : ''}.`;
}
