import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { DiffRow } from '../../api/diff';
import type { Names } from '../../api/names';
import { ChangedRow } from './ChangedRow';
import classes from './Compare.module.css';

/** The height of a row before it is measured, in pixels. */
const ESTIMATE = 120;

/** The next rows are loaded when so many are left below the screen. */
const AHEAD = 50;

interface Props {
  rows: DiffRow[];
  /** The number of all rows, whether they are loaded or not. */
  total: number;
  table: string;
  names: { from: Names; to: Names } | undefined;
  sides: { from: string; to: string };
  /** Called when the user comes near the end of the loaded rows. */
  onEnd: () => void;
}

/** A list of any length. Only the rows near the screen are elements of the page. */
export function RowList({ rows, total, table, names, sides, onEnd }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (list.current) setTop(list.current.getBoundingClientRect().top + window.scrollY);
  }, []);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ESTIMATE,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - AHEAD) onEnd();
  }, [last, rows.length, onEnd]);
  return (
    <ul ref={list} className={classes.rows} style={{ height: virtualizer.getTotalSize() }}>
      {items.map(({ key, index, start }) => {
        const row = rows[index];
        return (
          row && (
            <li
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              aria-posinset={index + 1}
              aria-setsize={total}
              className={classes.row}
              style={{ transform: `translateY(${start - top}px)` }}
            >
              <ChangedRow row={row} table={table} names={names} sides={sides} />
            </li>
          )
        );
      })}
    </ul>
  );
}
