import { Alert, List } from '@mantine/core';
import type { RestorePlan } from '../../api/archives';
import { Icon } from '../../components/Icon';
import { number } from '../../locale/format';
import { DANGER } from '../../theme';
import { ADMINISTRATORS } from './planRequest';

/** Names every administrator whose account the restore changes. A count of rows would hide such a change. */
export function AdministratorChanges({ plan }: { plan: RestorePlan }) {
  return ADMINISTRATORS.map(({ list, title }) => {
    const { items, total } = plan[list];
    if (total === 0) return null;
    return (
      <Alert
        key={list}
        color={DANGER}
        variant="light"
        icon={<Icon name="warning" />}
        title={title}
        role="note"
      >
        <List size="sm">
          {items.map(({ username, text }) => (
            <List.Item key={username}>
              <b dir="auto">{username}</b>: {text}
            </List.Item>
          ))}
          {total > items.length && <List.Item>and {number(total - items.length)} more</List.Item>}
        </List>
      </Alert>
    );
  });
}
