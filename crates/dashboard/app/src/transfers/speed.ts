import { shareOf } from './receive';
import type { Transfer } from './store';

/** The average speed of a download, and the remaining time at that speed. */
export function speedOf(transfer: Pick<Transfer, 'progress' | 'beganAt' | 'heardAt'>): {
  bytesASecond: number;
  secondsLeft: number | undefined;
} {
  const { progress, beganAt, heardAt } = transfer;
  const seconds = (heardAt - beganAt) / 1_000;
  // Too early for an estimate.
  if (seconds < 0.5) return { bytesASecond: 0, secondsLeft: undefined };
  const share = shareOf(progress);
  return {
    bytesASecond: progress.bytes / seconds,
    secondsLeft: share ? ((1 - share) / share) * seconds : undefined,
  };
}
