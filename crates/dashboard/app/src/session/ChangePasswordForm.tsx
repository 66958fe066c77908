import { Button, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ProblemAlert } from '../components/ProblemAlert';
import { newPasswordProblem, refusalOfNewPassword } from './newPassword';
import { changeOneTimePassword, type OneTimeSession } from './signIn';

/** A new password in place of a one-time password. The dashboard opens when it is saved. */
export function ChangePasswordForm({ session, onBack }: { session: OneTimeSession; onBack: () => void }) {
  const first = useRef<HTMLInputElement>(null);
  const second = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string>();
  useEffect(() => first.current?.focus(), []);
  const attempt = useMutation({
    mutationFn: (password: string) => changeOneTimePassword(session, password),
    onError: (error) => {
      setProblem(refusalOfNewPassword(error));
      first.current?.select();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (attempt.isPending) return;
    const password = first.current?.value ?? '';
    const found = newPasswordProblem(password, second.current?.value ?? '');
    setProblem(found);
    if (found === undefined) attempt.mutate(password);
    else first.current?.select();
  };
  return (
    <form onSubmit={submit} aria-label="Choose a new password">
      <Stack>
        <Text size="sm">
          You have signed in with a one-time password. Choose a new password of at least 12 characters that is
          not easy to guess.
        </Text>
        {attempt.isError && problem === undefined && <ProblemAlert error={attempt.error} />}
        {/* Not in the state of the component: the passwords are read once, when they are sent. */}
        <PasswordInput
          ref={first}
          label="New password"
          name="new-password"
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={problem}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the new password', tabIndex: 0 }}
        />
        <PasswordInput
          ref={second}
          label="New password again"
          name="new-password-again"
          autoComplete="new-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the repeated password', tabIndex: 0 }}
        />
        <Button type="submit" loading={attempt.isPending} fullWidth>
          Save and continue
        </Button>
        <Button variant="subtle" onClick={onBack}>
          Back
        </Button>
      </Stack>
    </form>
  );
}
