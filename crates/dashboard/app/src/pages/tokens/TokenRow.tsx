import { Badge, Menu } from '@mantine/core';
import type { Token } from '../../api/tokens';
import { ItemRow, ItemText } from '../../components/ItemList';
import { dateTimeZone, fromNow } from '../../locale/format';
import { scopeName } from './scopes';

export function TokenRow({ token, onRevoke }: { token: Token; onRevoke: (from: Element | null) => void }) {
  const { name, scopes, created_at, expires_at, is_expired, last_used_at, last_used_from } = token;
  return (
    <ItemRow
      name={name}
      badges={
        <>
          {scopes.map((scope) => (
            <Badge key={scope} variant="light" color={scope === 'admin' ? 'yellow' : 'blue'}>
              {scopeName(scope)}
            </Badge>
          ))}
          {is_expired && (
            <Badge variant="light" color="red">
              Expired
            </Badge>
          )}
        </>
      }
      actions={(button) => <Menu.Item onClick={() => onRevoke(button.current)}>Revoke…</Menu.Item>}
    >
      <ItemText>
        {expires_at === null
          ? 'Never expires.'
          : is_expired
            ? `Expired: ${dateTimeZone(expires_at)}.`
            : `Expires ${fromNow(expires_at)}, ${dateTimeZone(expires_at)}.`}{' '}
        Created: {dateTimeZone(created_at)}.
      </ItemText>
      <ItemText>
        {last_used_at === null
          ? 'Never used.'
          : `Last used: ${dateTimeZone(last_used_at)}${last_used_from ? `, from ${last_used_from}` : ''}.`}
      </ItemText>
    </ItemRow>
  );
}
