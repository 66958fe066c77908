import type { ReactNode } from 'react';
import classes from './Panel.module.css';

/** A surface on which things that belong together stand. */
export function Panel({ children, label }: { children: ReactNode; label?: string }) {
  return (
    <section className={classes.panel} {...(label && { 'aria-label': label })}>
      {children}
    </section>
  );
}
