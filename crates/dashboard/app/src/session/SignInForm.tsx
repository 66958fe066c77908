import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ProblemAlert } from '../components/ProblemAlert';
import { ChangePasswordForm } from './ChangePasswordForm';
import { type OneTimeSession, signIn } from './signIn';

/**
 * User name and password, and then a new password in place of a one-time password. The name is fixed if the same user
 * signs in again.
 */
export function SignInForm({ username: fixed }: { username?: string }) {
  const [username, setUsername] = useState(fixed ?? '');
  // It has the one-time password, because the change needs it once more.
  const [oneTime, setOneTime] = useState<OneTimeSession>();
  const password = useRef<HTMLInputElement>(null);
  const attempt = useMutation({
    mutationFn: () => signIn(username, password.current?.value ?? ''),
    onSuccess: setOneTime,
    onError: () => password.current?.select(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!attempt.isPending) attempt.mutate();
  };
  if (oneTime) return <ChangePasswordForm session={oneTime} onBack={() => setOneTime(undefined)} />;
  return (
    <form onSubmit={submit} aria-label="Sign in">
      <Stack>
        {attempt.isError && <ProblemAlert error={attempt.error} />}
        <TextInput
          label="User name"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          readOnly={fixed !== undefined}
          data-autofocus={fixed === undefined || undefined}
        />
        {/* Not in the state of the component: the password is read once, when it is sent. */}
        <PasswordInput
          ref={password}
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus={fixed !== undefined || undefined}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password', tabIndex: 0 }}
        />
        <Button type="submit" loading={attempt.isPending} fullWidth>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}
