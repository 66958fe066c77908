import type { Schedule } from '../../api/schedules';
import { counted } from '../../locale/format';
import { timeInZone } from '../../locale/zone';

type Run = NonNullable<Schedule['last_run']>;

export interface RunMessage {
  text: string;
  kind: 'good' | 'bad' | 'open';
}

/** The last run of a schedule, with times in its zone. */
export function runMessage(run: Run, zone: string): RunMessage {
  const last = `Last run: ${timeInZone(run.at, zone)}`;
  const reason = run.error ? ` ${run.error.detail}` : '';
  switch (run.state) {
    case 'succeeded':
      return { kind: 'good', text: `${last}, succeeded.` };
    case 'failed':
      return { kind: 'bad', text: `${last}, failed.${reason}` };
    case 'missed':
      return {
        kind: 'bad',
        text: `${last}, missed: the service was stopped, or the schedule was disabled.`,
      };
    case 'running':
      return { kind: 'open', text: `${last}, creating the backup.` };
    case 'verifying':
      return { kind: 'open', text: `${last}, verifying the backup.` };
    case 'waiting':
      return waiting(run, last, reason, zone);
  }
}

function waiting(run: Run, last: string, reason: string, zone: string): RunMessage {
  if (run.failed_attempts === 0) return { kind: 'open', text: `${last}, begins soon.` };
  const retry = run.retry_at ? ` Next attempt: ${timeInZone(run.retry_at, zone)}.` : '';
  const attempts = counted(run.failed_attempts, 'attempt', 'attempts');
  return { kind: 'bad', text: `${last}, ${attempts} failed.${reason}${retry}` };
}
