import { Badge, Menu } from '@mantine/core';
import type { Account } from '../../api/accounts';
import { ItemRow, ItemText } from '../../components/ItemList';
import { ProblemAlert } from '../../components/ProblemAlert';
import { counted, dateTimeZone } from '../../locale/format';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { useIsMine } from '../../session/useSession';
import type { AccountDialogRequest } from './AccountDialog';
import { useUpdateAccount } from './accountRequests';
import { roleName } from './roles';

export function AccountRow({
  account,
  onSaved,
  openDialog,
}: {
  account: Account;
  onSaved: (text: string) => void;
  openDialog: (dialog: AccountDialogRequest, from: Element | null) => void;
}) {
  const { username, email, role, is_active, tokens, created_at, one_time_password_expires_at } = account;
  const isMine = useIsMine(account);
  const enable = useUpdateAccount(account, () => onSaved(`The account “${isolated(username)}” is enabled.`));
  return (
    <ItemRow
      name={username}
      badges={
        <>
          <Badge variant="light" color={role === 'admin' ? 'blue' : 'gray'}>
            {roleName(role)}
          </Badge>
          {!is_active && (
            <Badge variant="light" color="gray">
              Disabled
            </Badge>
          )}
          {isMine && (
            <Badge variant="light" color="green">
              You
            </Badge>
          )}
          {one_time_password_expires_at && <OneTimeBadge until={one_time_password_expires_at} />}
        </>
      }
      actions={(button) => (
        <>
          <Menu.Item onClick={() => openDialog({ kind: 'edit', account }, button.current)}>Edit…</Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'reset', account }, button.current)}>
            Reset the password…
          </Menu.Item>
          {is_active ? (
            <Menu.Item onClick={() => openDialog({ kind: 'disable', account }, button.current)}>
              Disable…
            </Menu.Item>
          ) : (
            <Menu.Item disabled={enable.isPending} onClick={() => enable.mutate({ is_active: true })}>
              Enable
            </Menu.Item>
          )}
          <Menu.Item onClick={() => openDialog({ kind: 'delete', account }, button.current)}>
            Delete…
          </Menu.Item>
        </>
      )}
    >
      <ItemText>
        {email && (
          <>
            <bdi>{email}</bdi>.{' '}
          </>
        )}
        Created: {dateTimeZone(created_at)}.{tokens > 0 && ` ${counted(tokens, 'token', 'tokens')}.`}
      </ItemText>
      {one_time_password_expires_at && (
        <ItemText>
          {Date.parse(one_time_password_expires_at) > Date.now()
            ? `The one-time password can be used until ${dateTimeZone(one_time_password_expires_at)}.`
            : 'The one-time password has expired. Reset the password to get a new one.'}
        </ItemText>
      )}
      {enable.lookup && (
        <LookupNotice name={`Change the account “${isolated(username)}”`} lookup={enable.lookup} />
      )}
      {enable.error && <ProblemAlert error={enable.error} title="The account was not enabled" />}
    </ItemRow>
  );
}

function OneTimeBadge({ until }: { until: string }) {
  const isExpired = Date.parse(until) <= Date.now();
  return (
    <Badge variant="light" color={isExpired ? 'red' : 'yellow'}>
      {isExpired ? 'Password expired' : 'One-time password'}
    </Badge>
  );
}
