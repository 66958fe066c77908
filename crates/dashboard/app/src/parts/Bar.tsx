import { Progress } from '@mantine/core';
import { percent } from '../locale/format';

/** How far something is, from 0 to 1; of what has no known end only that it goes on, with what is known in words. */
export function Bar({ label, share, words }: { label: string; share: number | undefined; words: string }) {
  const open = share === undefined;
  return (
    <Progress.Root size="lg">
      <Progress.Section
        value={open ? 100 : share * 100}
        animated={open}
        striped={open}
        // The component would say a hundred percent of what has no known end.
        withAria={false}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={open ? undefined : Math.floor(share * 100)}
        aria-valuetext={open ? words : percent(share)}
      />
    </Progress.Root>
  );
}
