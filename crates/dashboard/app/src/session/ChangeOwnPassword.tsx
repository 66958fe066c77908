import { PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ServiceUnreachable } from '../api/problem';
import { FormActions } from '../components/FormActions';
import { FormDialog } from '../components/FormDialog';
import { fieldErrors } from '../components/fieldErrors';
import { Notice } from '../components/Notice';
import type { useDialog } from '../components/useDialog';
import { useInvalidFocus } from '../components/useInvalidFocus';
import { newPasswordProblem } from './newPassword';
import { changeOwnPassword } from './signIn';

const NAME = 'Change your password';

/** The dialog in which signed-in users change their password. */
export function ChangeOwnPassword({ dialog }: { dialog: ReturnType<typeof useDialog<null>> }) {
  return (
    <FormDialog dialog={dialog} title={() => NAME}>
      {(_, close) => <Form onClose={close} />}
    </FormDialog>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  // Not in the state of the component: the passwords are read once, when they are sent.
  const current = useRef<HTMLInputElement>(null);
  const next = useRef<HTMLInputElement>(null);
  const again = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string>();
  const change = useMutation({
    mutationFn: (passwords: { old: string; new: string }) => changeOwnPassword(passwords.old, passwords.new),
    onSuccess: onClose,
  });
  const { fields, rest } = fieldErrors(change.error, {
    current_password: 'The current password',
    new_password: 'The new password',
  });
  const isUnknown = change.error instanceof ServiceUnreachable;
  const form = useInvalidFocus(problem ?? change.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (change.isPending) return;
    const wanted = next.current?.value ?? '';
    const found = newPasswordProblem(wanted, again.current?.value ?? '');
    setProblem(found);
    if (found === undefined) change.mutate({ old: current.current?.value ?? '', new: wanted });
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <Text size="sm">
          You stay signed in here, and are signed out in all other browsers. Your tokens for scripts stay
          valid.
        </Text>
        <PasswordInput
          ref={current}
          label="Current password"
          name="current-password"
          autoComplete="current-password"
          error={fields.current_password}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the current password', tabIndex: 0 }}
          data-autofocus
        />
        <PasswordInput
          ref={next}
          label="New password"
          description="At least 12 characters, and not easy to guess"
          name="new-password"
          autoComplete="new-password"
          error={problem ?? fields.new_password}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the new password', tabIndex: 0 }}
        />
        <PasswordInput
          ref={again}
          label="New password again"
          name="new-password-again"
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the repeated password', tabIndex: 0 }}
        />
        {isUnknown && (
          <Notice kind="warning" role="alert" title="Not known whether the password was changed">
            The service did not answer. If you are asked to sign in, try the new password first, then the
            current one.
          </Notice>
        )}
        <FormActions
          request={{ ...change, lookup: undefined }}
          name={NAME}
          error={isUnknown ? null : rest}
          failed="The password was not changed"
          action="Change the password"
          onCancel={onClose}
        />
      </Stack>
    </form>
  );
}
