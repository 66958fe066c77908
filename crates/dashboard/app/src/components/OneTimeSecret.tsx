import { Button, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { moveFocus } from '../shell/focus';
import { copyText } from './copyText';
import { DialogActions } from './DialogActions';
import { Icon } from './Icon';
import { Notice } from './Notice';
import classes from './OneTimeSecret.module.css';

/** A secret that no other answer has. It is only in the memory of this dialog. */
export function OneTimeSecret({
  title,
  label,
  secret,
  children,
  onClose,
}: {
  /** The title, such as `The token was created`. */
  title: string;
  /** The name of the secret, such as `One-time password`. */
  label: string;
  secret: string;
  /** The instructions for the secret. */
  children: ReactNode;
  onClose: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean>();
  // The form that had the focus no longer exists.
  useEffect(() => moveFocus(field.current), []);
  const copy = async () => setCopied(await copyText(secret, field.current));
  return (
    <Stack>
      <Notice kind="success" role="status" title={title}>
        The {label.toLowerCase()} is shown only now. Copy it before you close this dialog.
      </Notice>
      <div className={classes.line}>
        <TextInput
          ref={field}
          label={label}
          value={secret}
          readOnly
          dir="ltr"
          className={classes.secret ?? ''}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button variant="default" leftSection={<Icon name="copy" size={18} />} onClick={copy}>
          Copy
        </Button>
      </div>
      <Text size="sm" role="status">
        {copied === true && 'Copied.'}
        {copied === false && 'The browser did not copy it. It is selected: press Ctrl+C.'}
      </Text>
      <Text size="sm">{children}</Text>
      <DialogActions>
        <Button onClick={onClose}>I have stored it</Button>
      </DialogActions>
    </Stack>
  );
}
