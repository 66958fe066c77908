import { List, Stack, Text, Title } from '@mantine/core';
import type { RetentionPlan } from '../../api/retention';
import { Notice } from '../../components/Notice';
import { bytes, counted, plural } from '../../locale/format';
import { isolated } from '../../locale/language';
import { BackupList } from './BackupList';
import { Calendar } from './Calendar';
import { countsOf, type PlannedBackup, plannedBackups } from './calendar';

/** The plan of a policy: a summary, a calendar, and the lists of kept and deleted backups. */
export function PlanView({ plan }: { plan: RetentionPlan }) {
  const backups = plannedBackups(plan);
  const deleted = backups.filter(({ isDeleted }) => isDeleted);
  const kept = backups.filter(({ isDeleted }) => !isDeleted);
  if (backups.length === 0) return <Text>There is no backup yet.</Text>;
  return (
    <Stack gap="md">
      <Text fw={550} data-testid="summary">
        {planSummary(plan)}
      </Text>
      {plan.held && (
        <Notice kind="warning" role="status" title="Old backups are not deleted for now">
          {plan.held.detail}
        </Notice>
      )}
      <Calendar backups={backups} />
      <ListOf title="Will be deleted" backups={deleted} isOpen />
      <ListOf title="Will remain" backups={kept} />
      <RetainedCopies copies={plan.retained_copies} />
    </Stack>
  );
}

/** Such as `34 backups stay. 12 will be deleted, which frees 1.2 GB.` */
export function planSummary(plan: RetentionPlan): string {
  const { kept, deleted } = countsOf(plannedBackups(plan));
  const stay = `${counted(kept, 'backup stays', 'backups stay')}.`;
  if (deleted === 0) return `${stay} None will be deleted.`;
  return `${stay} ${counted(deleted, 'backup', 'backups')} will be deleted, which frees ${bytes(plan.frees_bytes)}.`;
}

function ListOf({
  title,
  backups,
  isOpen = false,
}: {
  title: string;
  backups: PlannedBackup[];
  isOpen?: boolean;
}) {
  if (backups.length === 0) return null;
  return (
    <details open={isOpen}>
      <Title component="summary" order={3} size="h5">
        {title} ({backups.length})
      </Title>
      <BackupList backups={backups} />
    </details>
  );
}

function RetainedCopies({ copies }: { copies: RetentionPlan['retained_copies'] }) {
  if (copies.length === 0) return null;
  const text = `${counted(copies.length, 'copy', 'copies')} of deleted backups ${plural(copies.length, 'stays', 'stay')}`;
  return (
    <Notice kind="info" role="note" title={text}>
      <List size="sm">
        {copies.map(({ archive_id, destination_id, destination, detail }) => (
          <List.Item key={`${archive_id} ${destination_id}`}>
            “{isolated(destination)}”: {detail}
          </List.Item>
        ))}
      </List>
    </Notice>
  );
}
