import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './FactList.module.css';

/** A name and its value. An empty value is left out. */
export type Fact = readonly [name: string, value: ReactNode];

/** Names and values side by side. In a narrow space the value is below its name. */
export function FactList({ facts, gap = '0.5rem' }: { facts: readonly Fact[]; gap?: string }) {
  return (
    <Stack component="dl" gap={gap} className={classes.facts}>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </Stack>
  );
}
