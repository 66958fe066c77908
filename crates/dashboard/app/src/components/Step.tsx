import { Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { Panel } from './Panel';
import classes from './Step.module.css';

/** A numbered step of a longer form. */
export function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <Panel label={`Step ${number}: ${title}`}>
      <Stack>
        <Title order={2} size="h4" className={classes.title}>
          <span className={classes.number} aria-hidden="true">
            {number}
          </span>
          {title}
        </Title>
        {children}
      </Stack>
    </Panel>
  );
}
