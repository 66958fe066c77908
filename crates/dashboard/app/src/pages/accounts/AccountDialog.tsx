import type { Account } from '../../api/accounts';
import { isolated } from '../../locale/language';
import { CreateAccount } from './CreateAccount';
import { DeleteAccount } from './DeleteAccount';
import { DisableAccount } from './DisableAccount';
import { EditAccount } from './EditAccount';
import { ResetAccount } from './ResetAccount';

/** The dialogs of the page, and the account that each is about. */
export type AccountDialogRequest =
  | { kind: 'create' }
  | { kind: 'edit' | 'disable' | 'reset' | 'delete'; account: Account };

export function titleOf(dialog: AccountDialogRequest): string {
  if (dialog.kind === 'create') return 'Create an account';
  const username = isolated(dialog.account.username);
  switch (dialog.kind) {
    case 'edit':
      return `Edit the account ${username}`;
    case 'disable':
      return `Disable the account ${username}`;
    case 'reset':
      return `Reset the password of ${username}`;
    case 'delete':
      return `Delete the account ${username}`;
  }
}

export function AccountDialog({
  dialog,
  onSaved,
  onClose,
}: {
  dialog: AccountDialogRequest;
  onSaved: (text: string) => void;
  onClose: () => void;
}) {
  const done = (text: string) => {
    onSaved(text);
    onClose();
  };
  switch (dialog.kind) {
    case 'create':
      return <CreateAccount onClose={onClose} />;
    case 'edit':
      return <EditAccount account={dialog.account} onDone={done} onCancel={onClose} />;
    case 'disable':
      return <DisableAccount account={dialog.account} onDone={done} onCancel={onClose} />;
    case 'reset':
      return <ResetAccount account={dialog.account} onClose={onClose} />;
    case 'delete':
      return <DeleteAccount account={dialog.account} onDone={done} onCancel={onClose} />;
  }
}
