import { Group } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './DialogActions.module.css';

/** The buttons of a dialog. They stay visible in long dialogs and on low screens. */
export function DialogActions({ children }: { children: ReactNode }) {
  return (
    <Group justify="flex-end" align="flex-start" className={classes.actions}>
      {children}
    </Group>
  );
}
