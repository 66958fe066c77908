import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon } from '../components/Icon';

/** A message about something that has ended. It stays until it is dismissed. */
export function Notification({
  color,
  title,
  children,
  action,
  onDismiss,
}: {
  color: 'green' | 'red';
  title: string;
  children: ReactNode;
  action?: ReactNode;
  onDismiss: () => void;
}) {
  return (
    <Alert
      role={color === 'red' ? 'alert' : 'status'}
      color={color}
      variant="light"
      icon={<Icon name={color === 'red' ? 'error' : 'check'} />}
      title={title}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{children}</Text>
        <Group gap="xs">
          {action}
          <Button size="xs" variant="default" aria-label={`Dismiss: ${title}`} onClick={onDismiss}>
            Dismiss
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
