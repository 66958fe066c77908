import type { ReactNode } from 'react';
import { Notice } from './Notice';

/** Useful information, on the page where it helps. */
export function Tip({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Notice kind="info" role="note" title={title}>
      {children}
    </Notice>
  );
}
