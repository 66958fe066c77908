import type { Account } from '../../api/accounts';
import type { FormEnd } from '../../components/SavingDialog';
import { isolated } from '../../locale/language';
import { useDeleteAccount } from './accountRequests';
import { ConfirmForm } from './ConfirmForm';
import { endingText } from './roles';

export function DeleteAccount({ account, onDone, onCancel }: FormEnd & { account: Account }) {
  const deletion = useDeleteAccount(account, () =>
    onDone(`The account “${isolated(account.username)}” was deleted.`),
  );
  return (
    <ConfirmForm
      request={deletion}
      name="Delete the account"
      failed="The account was not deleted"
      action="Delete"
      onConfirm={() => deletion.mutate(null)}
      onCancel={onCancel}
    >
      The account of <bdi>{account.username}</bdi> is deleted permanently. {endingText(account)} The records
      of what this user has done stay.
    </ConfirmForm>
  );
}
