import { Title } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { TransferRow } from '../../transfers/TransferRow';
import { useTransfers } from '../../transfers/useTransfers';
import classes from './TransferList.module.css';

/** The downloads of this tab, newest first. */
export function TransferList() {
  const transfers = useTransfers();
  const list = useRef<HTMLElement>(null);
  const newest = transfers[0]?.id;
  const seen = useRef(newest);
  useEffect(() => {
    if (newest === undefined || newest <= (seen.current ?? 0)) return;
    seen.current = newest;
    // On a phone the pressed button is far below the list.
    list.current?.scrollIntoView({ block: 'start' });
  }, [newest]);
  if (transfers.length === 0) return null;
  return (
    // It gets the focus if a focused entry is removed.
    <section aria-labelledby="transfers" ref={list} tabIndex={-1} className={classes.transfers}>
      <Title order={2} size="h4" id="transfers">
        Your downloads
      </Title>
      <ul className={classes.list}>
        {transfers.map((transfer) => (
          <li key={transfer.id} className={classes.item}>
            <TransferRow transfer={transfer} />
          </li>
        ))}
      </ul>
    </section>
  );
}
