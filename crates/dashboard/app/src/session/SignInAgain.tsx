import { Button, Modal, Stack, Text } from '@mantine/core';
import { SignInForm } from './SignInForm';
import { signOut } from './signIn';
import type { User } from './store';

/** The session has ended. The page stays below this dialog, and continues after the sign-in. */
export function SignInAgain({ user, opened }: { user: User; opened: boolean }) {
  return (
    <Modal
      opened={opened}
      onClose={() => undefined}
      closeOnEscape={false}
      closeOnClickOutside={false}
      withCloseButton={false}
      centered
      zIndex={400}
      title="Your session has ended"
    >
      <Stack>
        <Text size="sm">
          Sign in to continue. This page stays as it is, and running downloads continue. Anything that you did
          not confirm was not done.
        </Text>
        <SignInForm username={user.username} />
        <Button variant="subtle" onClick={signOut}>
          Sign out instead
        </Button>
      </Stack>
    </Modal>
  );
}
