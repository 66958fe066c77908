import { Text } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { bytes, counted, dateTime, rows } from '../../locale/format';
import classes from './BackupChart.module.css';

/** The number of backups in the chart. */
const MAX_BARS = 30;
/** The chart has room for at least this many, so that two bars are not very wide. */
const MIN_SLOTS = 12;
const WIDTH = 600;
const HEIGHT = 120;
const GAP = 4;

/** Sizes and rows of the backups over time: bars for bytes, a line for rows. */
export function BackupChart({ backups }: { backups: Archive[] }) {
  const shown = backups.slice(0, MAX_BARS).reverse();
  const largest = Math.max(...shown.map(({ size }) => size), 1);
  const most = Math.max(...shown.map(({ total }) => total), 1);
  const step = WIDTH / Math.max(shown.length, MIN_SLOTS);
  const height = (share: number) => Math.max(2, share * (HEIGHT - 8));
  const points = shown.map(({ total }, index) => `${(index + 0.5) * step},${HEIGHT - height(total / most)}`);
  const first = shown[0];
  const last = shown[shown.length - 1];
  if (!first || !last) return null;
  const summary = `${counted(shown.length, 'backup', 'backups')} from ${dateTime(first.created_at)} to ${dateTime(last.created_at)}: from ${bytes(first.size)} and ${rows(first.total)} to ${bytes(last.size)} and ${rows(last.total)}.`;
  return (
    <figure className={classes.figure}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
        className={classes.chart}
      >
        {shown.map(({ id, size, created_at, total }, index) => (
          <rect
            key={id}
            className={classes.bar}
            x={index * step + GAP / 2}
            width={Math.max(1, step - GAP)}
            y={HEIGHT - height(size / largest)}
            height={height(size / largest)}
          >
            <title>{`${dateTime(created_at)}: ${bytes(size)}, ${rows(total)}`}</title>
          </rect>
        ))}
        <polyline className={classes.line} points={points.join(' ')} />
      </svg>
      <Text component="figcaption" size="sm" c="dimmed">
        Backups over time: the bars show the size, the line shows the rows. {summary}
      </Text>
    </figure>
  );
}
