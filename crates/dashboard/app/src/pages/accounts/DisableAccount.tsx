import type { Account } from '../../api/accounts';
import type { FormEnd } from '../../components/SavingDialog';
import { isolated } from '../../locale/language';
import { useUpdateAccount } from './accountRequests';
import { ConfirmForm } from './ConfirmForm';
import { endingText } from './roles';

export function DisableAccount({ account, onDone, onCancel }: FormEnd & { account: Account }) {
  const disable = useUpdateAccount(account, ({ username }) =>
    onDone(`The account “${isolated(username)}” is disabled.`),
  );
  return (
    <ConfirmForm
      request={disable}
      name="Disable the account"
      failed="The account was not disabled"
      action="Disable"
      onConfirm={() => disable.mutate({ is_active: false })}
      onCancel={onCancel}
    >
      <bdi>{account.username}</bdi> can’t sign in any more. {endingText(account)} You can enable the account
      again.
    </ConfirmForm>
  );
}
