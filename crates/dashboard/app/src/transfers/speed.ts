import { shareOf } from './receive';
import type { Transfer } from './store';

/** How fast a download is, over all its time, and how long the rest will take at that speed. */
export function speedOf(transfer: Pick<Transfer, 'progress' | 'beganAt' | 'heardAt'>): {
  bytesASecond: number;
  secondsLeft: number | undefined;
} {
  const { progress, beganAt, heardAt } = transfer;
  const seconds = (heardAt - beganAt) / 1_000;
  // The first moments say nothing.
  if (seconds < 0.5) return { bytesASecond: 0, secondsLeft: undefined };
  const share = shareOf(progress);
  return {
    bytesASecond: progress.bytes / seconds,
    secondsLeft: share ? ((1 - share) / share) * seconds : undefined,
  };
}
