import { Progress } from '@mantine/core';
import { percent } from '../locale/format';

/** A progress bar from 0 to 1. Without a known end it is animated, and `valueText` describes the state. */
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
        // The component would report 100 percent for a progress without a known end.
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
