import { Text } from '@mantine/core';
import { Link } from 'wouter';
import { number } from '../locale/format';

/** Says so where a choice does not have all archives, and where the others are. */
export function NotAllListed({ listed, total }: { listed: number; total: number }) {
  if (listed >= total) return null;
  return (
    <Text size="sm" c="dimmed" role="note">
      The newest {number(listed)} of {number(total)} archives can be chosen here. Older ones are on the page{' '}
      <Link href="/archives">Archives</Link>.
    </Text>
  );
}
