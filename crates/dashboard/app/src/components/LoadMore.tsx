import { Button, Group, Text } from '@mantine/core';
import type { LoadedList } from '../api/pages';
import { counted, number } from '../locale/format';

/** The number of items of a list, with a button that loads more of them. */
export function LoadMore({
  list: { items, total, more, isLoadingMore },
  one,
  other,
}: {
  list: LoadedList<unknown>;
  /** The nouns, such as `schedule` and `schedules`. */
  one: string;
  other: string;
}) {
  if (!items || total === 0) return null;
  if (!more) {
    return (
      <Text size="sm" c="dimmed">
        {counted(total, one, other)}
      </Text>
    );
  }
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed" role="status">
        Showing {number(items.length)} of {number(total)} {other}.
      </Text>
      <Button variant="default" size="xs" loading={isLoadingMore} onClick={more}>
        Show more
      </Button>
    </Group>
  );
}
