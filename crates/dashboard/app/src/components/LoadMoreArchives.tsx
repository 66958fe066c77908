import { Button, Group, Text } from '@mantine/core';
import type { useArchives } from '../api/archives';
import { counted, number } from '../locale/format';

/** The number of archives, with a button that loads more of them. */
export function LoadMoreArchives({ archives }: { archives: ReturnType<typeof useArchives> }) {
  const { list, more, isLoadingMore } = archives;
  if (!list || list.total === 0) return null;
  if (!more) {
    return (
      <Text size="sm" c="dimmed">
        {counted(list.total, 'backup', 'backups')}
      </Text>
    );
  }
  return (
    <Group justify="space-between" mb="xs">
      <Text size="sm" c="dimmed" role="status">
        Showing the newest {number(list.items.length)} of {number(list.total)} backups.
      </Text>
      <Button variant="default" size="xs" loading={isLoadingMore} onClick={more}>
        Show older backups
      </Button>
    </Group>
  );
}
