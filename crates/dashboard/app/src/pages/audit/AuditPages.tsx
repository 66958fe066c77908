import { Group, Pagination, Text } from '@mantine/core';
import { type AuditRecord, EVENTS_ON_PAGE } from '../../api/audit';
import type { ListPage } from '../../api/pages';
import { counted, number } from '../../locale/format';

/** The place in the list, with the buttons for the other pages. */
export function AuditPages({
  list: { items, total, offset },
  page,
  onPage,
}: {
  list: ListPage<AuditRecord>;
  page: number;
  onPage: (page: number) => void;
}) {
  const pages = Math.ceil(total / EVENTS_ON_PAGE);
  const place = `${number(offset + 1)} to ${number(offset + items.length)} of ${number(total)} events`;
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed" role="status">
        {pages === 1 ? counted(total, 'event', 'events') : place}
      </Text>
      {pages > 1 && (
        <Pagination
          size="sm"
          siblings={0}
          total={pages}
          value={page + 1}
          onChange={(next) => onPage(next - 1)}
          aria-label="Pages of the list"
          getItemProps={(each) => ({ 'aria-label': `Page ${each}` })}
          getControlProps={(control) => ({
            'aria-label': control === 'previous' ? 'Previous page' : 'Next page',
          })}
          data-no-print
        />
      )}
    </Group>
  );
}
