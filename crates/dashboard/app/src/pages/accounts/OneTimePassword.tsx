import { Button, Stack, Text } from '@mantine/core';
import type { AccountCredentials } from '../../api/accounts';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { OneTimeSecret } from '../../components/OneTimeSecret';
import { dateTimeZone } from '../../locale/format';
import { isolated } from '../../locale/language';

/** The one-time password of an account, or what to do if it was lost with the answer. */
export function OneTimePassword({
  credentials: { account, password },
  title,
  onClose,
}: {
  credentials: AccountCredentials;
  title: string;
  onClose: () => void;
}) {
  const until = account.one_time_password_expires_at;
  if (password === null) {
    return (
      <Stack>
        <Notice
          kind="warning"
          title={`The one-time password of ${isolated(account.username)} did not arrive`}
        >
          <Text size="sm">
            The account exists, but the answer with its password was lost. To get a new one, close this dialog
            and choose “Reset the password” for this account.
          </Text>
        </Notice>
        <DialogActions>
          <Button onClick={onClose} data-autofocus>
            Close
          </Button>
        </DialogActions>
      </Stack>
    );
  }
  return (
    <OneTimeSecret title={title} label="One-time password" secret={password} onClose={onClose}>
      Give it to <bdi>{account.username}</bdi> in person. At the first sign-in the user must choose a new
      password{until && `, until ${dateTimeZone(until)}`}.
    </OneTimeSecret>
  );
}
