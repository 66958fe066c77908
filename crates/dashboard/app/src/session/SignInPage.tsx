import { Alert, Paper, Stack, Text, Title } from '@mantine/core';
import { useEffect } from 'react';
import { Icon } from '../components/Icon';
import { Logo } from '../shell/Logo';
import { SignInForm } from './SignInForm';
import classes from './SignInPage.module.css';
import type { SignedOutReason } from './store';

const NOTICES: Record<SignedOutReason, string | undefined> = {
  first: undefined,
  left: 'You are signed out.',
  ended: 'Your session has ended. Please sign in again.',
  unknown:
    'The service did not answer, so it is not known whether you are still signed in. Reload the page, or sign in.',
};

export function SignInPage({ reason }: { reason: SignedOutReason }) {
  const notice = NOTICES[reason];
  useEffect(() => {
    document.title = 'Sign in · Campus backup';
  }, []);
  return (
    <main className={classes.page}>
      <Paper withBorder radius="lg" className={classes.card}>
        <Stack gap="lg">
          <div className={classes.brand}>
            <Logo size={44} />
            <div>
              <Title order={1} size="h3">
                Campus backup
              </Title>
              <Text c="dimmed" size="sm">
                For the school’s administrators
              </Text>
            </div>
          </div>
          {notice && (
            <Alert variant="light" color="blue" icon={<Icon name="info" />} role="status">
              {notice}
            </Alert>
          )}
          <SignInForm />
          <Text size="sm" c="dimmed">
            Forgot your password? Another administrator or the operator of this service can set a new one.
          </Text>
        </Stack>
      </Paper>
    </main>
  );
}
