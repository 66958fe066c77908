import { Alert } from '@mantine/core';
import type { ComponentProps } from 'react';
import { DANGER } from '../theme';
import { Icon } from './Icon';

const LOOKS = {
  success: { color: 'green', icon: 'check' },
  info: { color: 'blue', icon: 'info' },
  warning: { color: 'yellow', icon: 'warning' },
  error: { color: DANGER, icon: 'error' },
} as const;

/** A message in a colored box. Without a role it is an alert, which a screen reader reads out at once. */
export function Notice({
  kind,
  ...rest
}: { kind: keyof typeof LOOKS } & Omit<ComponentProps<typeof Alert>, 'variant' | 'color' | 'icon'>) {
  const { color, icon } = LOOKS[kind];
  return <Alert variant="light" color={color} icon={<Icon name={icon} />} {...rest} />;
}
