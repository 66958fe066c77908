import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import sheet from 'uplot/dist/uPlot.min.css?url';
import classes from './Chart.module.css';
import { FAILED, LINE, MISSED } from './colors';
import { timeLabels } from './labels';
import { type ChartData, timeRange, valueRange } from './series';

interface Props {
  /** A sentence for screen readers, with the first and the last value. */
  summary: string;
  data: ChartData;
  height: number;
  /** A value of the axis, with its unit. */
  format: (value: number) => string;
  /** The lines of the tooltip at a place of the data. */
  describe: (place: number) => string[];
}

/** The key by which the cursors of all charts of the page move together. */
const SYNC = 'history';

/**
 * A line of the backups over time, with marks for the runs without a backup. The canvas is one image for screen readers: the
 * page also has a table of the numbers.
 */
export function Chart({ summary, data, height, format, describe }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  // They change with each render, and need no new chart.
  const latest = useRef({ format, describe });
  latest.current = { format, describe };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colors of the variables depend on the scheme.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const chart = new uPlot(options(element, height, latest), data, element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [data, height, scheme]);

  return (
    <>
      {/* Not among the styles of the start, which are loaded with the first page. */}
      <link rel="stylesheet" href={sheet} precedence="default" />
      <div ref={frame} className={classes.chart} role="img" aria-label={summary} dir="ltr" />
    </>
  );
}

type Latest = { current: Pick<Props, 'format' | 'describe'> };

function options(element: HTMLElement, height: number, latest: Latest): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    font,
    stroke: color('--mantine-color-dimmed'),
    grid: { stroke: color('--edge'), width: 1 },
    ticks: { stroke: color('--edge'), width: 1, size: 4 },
  };
  const mark = (fill: string, stroke: string): uPlot.Series => ({
    scale: 'mark',
    paths: () => null,
    points: { show: true, size: 9, width: 2, fill: color(fill), stroke: color(stroke) },
  });
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [12, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC }, points: { size: 7 } },
    scales: {
      x: { range: (_, first, last) => timeRange(first, last) },
      y: { range: (_, __, most) => valueRange(most) },
      mark: { range: [0, 1] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        space: 70,
        values: (_, splits, __, ___, increment) => timeLabels(splits, increment),
      },
      {
        ...axis,
        size: 64,
        space: 36,
        values: (_, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      {
        stroke: color(LINE),
        fill: color('--mantine-color-blue-light'),
        width: 2,
        spanGaps: true,
        points: { size: 5, fill: color(LINE) },
      },
      mark(FAILED, FAILED),
      mark('--surface', MISSED),
    ],
    plugins: [tooltip(latest)],
  };
}

/** Shows the values at the cursor. */
function tooltip(latest: Latest): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = classes.tooltip ?? '';
  box.hidden = true;
  return {
    hooks: {
      init: (chart) => chart.over.append(box),
      setCursor: (chart) => {
        const { idx, left } = chart.cursor;
        // The other charts of the page follow the cursor, but only one tooltip is shown.
        const isHovered = chart.over.matches(':hover');
        box.hidden = !isHovered || idx == null || left === undefined || left < 0;
        if (box.hidden || idx == null) return;
        box.replaceChildren(
          ...latest.current.describe(idx).map((text) => {
            const line = document.createElement('div');
            line.textContent = text;
            return line;
          }),
        );
        const place = chart.valToPos(chart.data[0][idx] ?? 0, 'x');
        const isRight = place > chart.over.clientWidth / 2;
        box.style.left = isRight ? '' : `${place + 10}px`;
        box.style.right = isRight ? `${chart.over.clientWidth - place + 10}px` : '';
      },
    },
  };
}
