import { Button, Group, Text } from '@mantine/core';
import { Panel } from '../../components/Panel';
import { useDialog } from '../../components/useDialog';
import { ChangeOwnPassword } from '../../session/ChangeOwnPassword';
import { SignOutEverywhere } from '../../session/SignOutEverywhere';
import { useSession } from '../../session/useSession';

/** The actions of users on their own account, without its tokens. */
export function OwnAccount() {
  const session = useSession();
  const password = useDialog<null>();
  const signOut = useDialog<null>();
  if (!('user' in session)) return null;
  return (
    <Panel label="Your account">
      <Group justify="space-between">
        <Text>
          You are signed in as{' '}
          <Text component="bdi" fw={550}>
            {session.user.username}
          </Text>
          .
        </Text>
        <Group gap="xs">
          {/* The password of an external user belongs to the identity provider. */}
          {session.user.issuer === null && (
            <Button variant="default" size="xs" onClick={() => password.open(null)}>
              Change your password…
            </Button>
          )}
          <Button variant="default" size="xs" onClick={() => signOut.open(null)}>
            Sign out everywhere…
          </Button>
        </Group>
      </Group>
      <ChangeOwnPassword dialog={password} />
      <SignOutEverywhere
        key={signOut.opening?.key}
        opened={signOut.opened}
        onClose={() => signOut.opening && signOut.close(signOut.opening.key)}
      />
    </Panel>
  );
}
