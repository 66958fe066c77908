import type { Account } from '../../api/accounts';
import { SavingDialog, type SavingDialogProps } from '../../components/SavingDialog';
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

function titleOf(dialog: AccountDialogRequest): string {
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

export function AccountDialog(props: SavingDialogProps<AccountDialogRequest>) {
  return (
    <SavingDialog {...props} title={titleOf}>
      {(subject, end) => {
        switch (subject.kind) {
          case 'create':
            return <CreateAccount onClose={end.onCancel} />;
          case 'edit':
            return <EditAccount account={subject.account} {...end} />;
          case 'disable':
            return <DisableAccount account={subject.account} {...end} />;
          case 'reset':
            return <ResetAccount account={subject.account} onClose={end.onCancel} />;
          case 'delete':
            return <DeleteAccount account={subject.account} {...end} />;
        }
      }}
    </SavingDialog>
  );
}
