import type { Account } from '../../api/accounts';
import { useResetAccount } from './accountRequests';
import { ConfirmForm } from './ConfirmForm';
import { OneTimePassword } from './OneTimePassword';
import { endingText } from './roles';

/** Replaces a forgotten password by a one-time password, which is shown once. */
export function ResetAccount({ account, onClose }: { account: Account; onClose: () => void }) {
  const reset = useResetAccount(account, () => undefined);
  if (reset.data) {
    return <OneTimePassword credentials={reset.data} title="The password was reset" onClose={onClose} />;
  }
  return (
    <ConfirmForm
      request={reset}
      name="Reset the password"
      failed="The password was not reset"
      action="Reset the password"
      onConfirm={() => reset.mutate(null)}
      onCancel={onClose}
    >
      <bdi>{account.username}</bdi> gets a one-time password, and the current password stops working.{' '}
      {endingText(account)}
    </ConfirmForm>
  );
}
