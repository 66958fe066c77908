import { Button, type ButtonProps } from '@mantine/core';
import type { ComponentPropsWithRef } from 'react';
import type { User } from '../session/store';

/** The button with the name of the user. */
export function AccountButton({
  user,
  ...rest
}: { user: User } & ButtonProps & Omit<ComponentPropsWithRef<'button'>, keyof ButtonProps>) {
  return (
    <Button
      variant="default"
      size="sm"
      aria-label={`Account ${user.username}`}
      aria-haspopup="menu"
      {...rest}
    >
      {user.username}
    </Button>
  );
}
