import { Button, CloseButton, Text } from '@mantine/core';
import { Icon } from '../components/Icon';
import { ProblemAlert } from '../components/ProblemAlert';
import { ProgressBar } from '../components/ProgressBar';
import { bytes, duration, number, percent, rows } from '../locale/format';
import { shareOf } from './receive';
import { speedOf } from './speed';
import { cancel, dismiss, MAX_RUNNING, startAgain, type Transfer } from './store';
import classes from './TransferRow.module.css';

/** The texts for a file that the browser downloads itself. */
const IN_BROWSER = {
  'in browser': 'Your browser is downloading this file. Its list of downloads shows the progress.',
  sent: 'The whole file was sent. Check in your browser’s list of downloads that it was saved. If it failed there, delete the file.',
  unknown:
    'Your browser has downloaded this file, but this page does not know whether it is complete. Check in your browser’s list of downloads. If it failed there, delete the file.',
};

/** The state of a download, with its actions. */
export function TransferRow({ transfer }: { transfer: Transfer }) {
  const { id, name: what, state, progress } = transfer;
  const again = () => startAgain(transfer);
  const gone = <CloseButton aria-label={`Remove ${what} from the list`} onClick={() => dismiss(id)} />;
  switch (state.at) {
    case 'waiting':
      return (
        <div className={classes.row}>
          <div className={classes.what}>
            <Text fw={550}>{what}</Text>
            <Text size="sm" c="dimmed">
              Queued: {number(MAX_RUNNING)} downloads run at the same time.
            </Text>
          </div>
          <CancelButton id={id} what={what} />
        </div>
      );
    case 'running':
      return <Running transfer={transfer} what={what} />;
    case 'done':
      return (
        <div className={classes.row} role="status">
          <span className={classes.good}>
            <Icon name="check" />
          </span>
          <div className={classes.what}>
            <Text fw={550}>{state.fileName}</Text>
            <Text size="sm" c="dimmed">
              Complete: {progress.totalRows === undefined ? '' : `${rows(progress.totalRows)}, `}
              {bytes(progress.bytes)}
            </Text>
          </div>
          {gone}
        </div>
      );
    case 'in browser':
    case 'sent':
    case 'unknown':
      return (
        <div className={classes.row} role="status">
          <div className={classes.what}>
            <Text fw={550}>{what}</Text>
            <Text size="sm" c="dimmed">
              {IN_BROWSER[state.at]}
            </Text>
          </div>
          {gone}
        </div>
      );
    case 'cancelled':
      return (
        <div className={classes.row} role="status">
          <Text className={classes.what}>{what}: cancelled. Nothing was saved.</Text>
          <Button size="xs" variant="default" onClick={again}>
            Download again
          </Button>
          {gone}
        </div>
      );
    case 'failed':
      return (
        <div className={classes.row}>
          <div className={classes.what}>
            <ProblemAlert
              error={state.error}
              title={`${what} was not downloaded`}
              again={{ label: 'Download again', act: again }}
            />
          </div>
          {gone}
        </div>
      );
  }
}

function Running({ transfer, what }: { transfer: Transfer; what: string }) {
  const { id, progress } = transfer;
  const { totalRows } = progress;
  const share = shareOf(progress);
  const counted = progress.rows > 0 && totalRows ? `${number(progress.rows)} of ${rows(totalRows)}, ` : '';
  const { bytesASecond, secondsLeft } = speedOf(transfer);
  return (
    <>
      <div className={classes.row}>
        <Text fw={550} className={classes.what}>
          {what}
        </Text>
        <CancelButton id={id} what={what} />
      </div>
      <div className={classes.bar}>
        <ProgressBar label={what} share={share} valueText={bytes(progress.bytes)} />
      </div>
      <Text size="sm" c="dimmed">
        {share === undefined
          ? bytes(progress.bytes)
          : `${percent(share)}: ${counted}${bytes(progress.bytes)}`}
        {bytesASecond > 0 && `, ${bytes(bytesASecond)}/s`}
        {share !== undefined && secondsLeft !== undefined && `, about ${duration(secondsLeft)} left`}
      </Text>
    </>
  );
}

function CancelButton({ id, what }: { id: number; what: string }) {
  return (
    <Button size="xs" variant="default" aria-label={`Cancel ${what}`} onClick={() => cancel(id)}>
      Cancel
    </Button>
  );
}
