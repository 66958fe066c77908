import { Text } from '@mantine/core';
import type { Retention } from '../../api/retention';
import { Notice } from '../../components/Notice';
import { bytes, counted, dateTimeZone, number } from '../../locale/format';

/** Whether there is a policy, and what it has done last. */
export function PolicyState({ retention }: { retention: Retention }) {
  const { policy, updated_at, updated_by, last_application } = retention;
  if (!policy) {
    return (
      <Notice kind="info" role="note" title="Retention is off">
        All backups stay, so the storage grows. Below is a proposal. Preview it, then save it.
      </Notice>
    );
  }
  return (
    <Text size="sm" c="dimmed">
      {updated_at && `Policy of ${dateTimeZone(updated_at)}${updated_by ? `, saved by ${updated_by}` : ''}. `}
      {last_application ? applicationText(last_application) : 'It was not applied yet.'}
    </Text>
  );
}

export function applicationText(last: NonNullable<Retention['last_application']>): string {
  if (last.ended_at === null) return 'It is being applied now.';
  const freed = last.deleted > 0 ? `, ${bytes(last.freed_bytes)} freed` : '';
  const failed = last.failed > 0 ? ` ${number(last.failed)} could not be deleted.` : '';
  const state = last.state === 'succeeded' ? '' : ' This application did not end as planned.';
  return `Last applied: ${dateTimeZone(last.ended_at)}, ${counted(last.deleted, 'backup', 'backups')} deleted${freed}.${failed}${state}`;
}
