import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useState } from 'react';
import { type AccountFilter, listAccounts, type Role } from '../../api/accounts';
import { usePages } from '../../api/pages';
import { Icon } from '../../components/Icon';
import { ItemList } from '../../components/ItemList';
import { PageHeader } from '../../components/PageHeader';
import { SavedNotice } from '../../components/SavedNotice';
import { useDialog } from '../../components/useDialog';
import { AccountDialog, type AccountDialogRequest } from './AccountDialog';
import { AccountRow } from './AccountRow';
import { OwnAccount } from './OwnAccount';
import { ROLES } from './roles';

export default function Accounts() {
  const [role, setRole] = useState('');
  const [state, setState] = useState('');
  const filter: AccountFilter = {
    ...(role && { role: role as Role }),
    ...(state && { is_active: state === 'active' }),
  };
  const list = usePages(['accounts', filter], (query, signal) =>
    listAccounts({ ...query, ...filter }, signal),
  );
  const dialog = useDialog<AccountDialogRequest>();
  const [saved, setSaved] = useState<string>();
  return (
    <>
      <PageHeader
        title="Accounts"
        lead="The people who can sign in. Only administrators can use this dashboard."
      >
        <Button leftSection={<Icon name="add" size={18} />} onClick={() => dialog.open({ kind: 'create' })}>
          Create an account…
        </Button>
      </PageHeader>
      <Stack gap="md">
        <OwnAccount />
        <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
        <Group gap="md">
          <NativeSelect
            label="Role"
            value={role}
            onChange={(event) => setRole(event.currentTarget.value)}
            data={[{ value: '', label: 'All roles' }, ...ROLES.map(({ value, label }) => ({ value, label }))]}
          />
          <NativeSelect
            label="State"
            value={state}
            onChange={(event) => setState(event.currentTarget.value)}
            data={[
              { value: '', label: 'All accounts' },
              { value: 'active', label: 'Enabled' },
              { value: 'disabled', label: 'Disabled' },
            ]}
          />
        </Group>
        <ItemList
          list={list}
          one="account"
          other="accounts"
          empty="There is no account with this role and state."
        >
          {(account) => (
            <AccountRow key={account.id} account={account} onSaved={setSaved} openDialog={dialog.open} />
          )}
        </ItemList>
      </Stack>
      <AccountDialog dialog={dialog} onSaved={setSaved} />
    </>
  );
}
