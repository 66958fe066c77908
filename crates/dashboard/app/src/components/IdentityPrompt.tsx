import { Button, Stack, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { needsIdentity } from '../api/identity';
import classes from './IdentityPrompt.module.css';

/**
 * Asks for the secret key of a backup after a request has failed without it. The key stays in the memory of this page,
 * and is sent with the repeated request alone.
 */
export function IdentityPrompt({
  error,
  action,
  pending,
  onIdentity,
}: {
  /** The error of the request. The prompt appears only if it is about the key. */
  error: unknown;
  /** The text of the button, such as `Verify with this key`. */
  action: string;
  pending: boolean;
  onIdentity: (identity: string) => void;
}) {
  const [identity, setIdentity] = useState('');
  if (!needsIdentity(error)) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const key = identity.trim();
    if (key !== '' && !pending) onIdentity(key);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="xs" align="flex-start">
        <Textarea
          className={classes.secret}
          label="Secret key of the backup"
          description="It begins with AGE-SECRET-KEY-1. It is used for this request alone and is not saved."
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          dir="ltr"
          rows={2}
          value={identity}
          onChange={(event) => setIdentity(event.currentTarget.value)}
        />
        <Button type="submit" size="xs" variant="default" loading={pending}>
          {action}
        </Button>
      </Stack>
    </form>
  );
}
