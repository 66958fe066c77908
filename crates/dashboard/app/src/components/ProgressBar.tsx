import { Progress } from '@mantine/core';
import { percent } from '../locale/format';

/** How far something is, from 0 to 1; of what has no known end only that it goes on, with what is known in words. */
export function ProgressBar({
  label,
  share,
  valueText,
}: {
  label: string;
  share: number | undefined;
  valueText: string;
}) {
  const isOpenEnded = share === undefined;
  return (
    <Progress.Root size="lg">
      <Progress.Section
        value={isOpenEnded ? 100 : share * 100}
        animated={isOpenEnded}
        striped={isOpenEnded}
        // The component would say a hundred percent of what has no known end.
        withAria={false}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={isOpenEnded ? undefined : Math.floor(share * 100)}
        aria-valuetext={isOpenEnded ? valueText : percent(share)}
      />
    </Progress.Root>
  );
}
