import { Button, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';

/** The empty state of a page that needs a backup. */
export function NoBackups({ message }: { message: string }) {
  return (
    <Stack align="flex-start">
      <Text>{message} Create or upload a backup first.</Text>
      <Button component={Link} href="/archives" variant="default">
        Show backups
      </Button>
    </Stack>
  );
}
