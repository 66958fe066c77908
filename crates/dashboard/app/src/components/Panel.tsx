import type { ReactNode } from 'react';
import classes from './Panel.module.css';

/** A surface that groups related content. */
export function Panel({ children, label }: { children: ReactNode; label?: string }) {
  return (
    <section className={classes.panel} {...(label && { 'aria-label': label })}>
      {children}
    </section>
  );
}
