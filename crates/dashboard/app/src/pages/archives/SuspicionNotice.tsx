import { List } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { nameOf } from '../../api/tables';
import { Notice } from '../../components/Notice';
import { dateTime, money, rows } from '../../locale/format';
import { AcceptBackup } from './AcceptBackup';

type Finding = NonNullable<Archive['suspicion']>['findings'][number];

/** Says what looks wrong about a backup, and whether an administrator has accepted it. */
export function SuspicionNotice({ archive }: { archive: Archive }) {
  const { suspicion } = archive;
  if (!suspicion) return null;
  const { findings, accepted_at, accepted_by } = suspicion;
  return (
    <Notice
      kind={accepted_at ? 'info' : 'warning'}
      role="note"
      title="This backup has less data than the ones before it"
    >
      <List size="sm">
        {findings.map((finding) => (
          <List.Item key={text(finding)}>{text(finding)}</List.Item>
        ))}
      </List>
      {accepted_at ? (
        `${accepted_by ?? 'An administrator'} accepted it on ${dateTime(accepted_at)}.`
      ) : (
        <AcceptBackup archive={archive} />
      )}
    </Notice>
  );
}

function text(finding: Finding): string {
  if ('not_compared' in finding) return 'It could not be compared with the backups before it.';
  if ('table' in finding) {
    return `${nameOf(finding.table)}: ${rows(finding.now)}. Earlier backups have up to ${rows(finding.before)}.`;
  }
  const [table = ''] = finding.total.split('.');
  return `Sum of ${nameOf(table).toLowerCase()}: ${money(finding.now)}. Earlier backups have up to ${money(finding.before)}.`;
}
