import { Alert } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon } from './Icon';

/** Useful information, on the page where it helps. */
export function Tip({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Alert role="note" variant="light" color="blue" icon={<Icon name="info" />} title={title}>
      {children}
    </Alert>
  );
}
