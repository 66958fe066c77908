import { Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Account, UpdateAccount } from '../../api/accounts';
import { changedFields } from '../../components/changedFields';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { Notice } from '../../components/Notice';
import type { FormEnd } from '../../components/SavingDialog';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import { isolated } from '../../locale/language';
import { useIsMine } from '../../session/useSession';
import { useUpdateAccount } from './accountRequests';
import { RoleField } from './CreateAccount';
import { endingText } from './roles';

/** Changes the role and the email address of an account. */
export function EditAccount({ account, onDone, onCancel }: FormEnd & { account: Account }) {
  const [role, setRole] = useState(account.role);
  const [email, setEmail] = useState(account.email ?? '');
  const isMine = useIsMine(account);
  const update = useUpdateAccount(account, ({ username }) =>
    onDone(`The account “${isolated(username)}” was changed.`),
  );
  const { fields, rest } = fieldErrors(update.error, { email: 'The email address', role: 'The role' });
  const form = useInvalidFocus(update.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (update.isPending) return;
    const { role: oldRole, email: oldEmail } = account;
    const patch = changedFields<UpdateAccount>(
      { role: oldRole, email: oldEmail },
      { role, email: email.trim() || null },
    );
    if (Object.keys(patch).length === 0) onCancel();
    else update.mutate(patch);
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="Email address"
          description="Optional"
          type="email"
          maxLength={255}
          autoComplete="off"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={fields.email}
          data-autofocus
        />
        <RoleField role={role} onChange={setRole} error={fields.role} />
        {role !== account.role && (
          <Notice
            kind="warning"
            role="status"
            title={isMine ? 'You will be signed out' : 'The user is signed out'}
          >
            <Text size="sm">
              {endingText(account)}
              {isMine && ' This is your own account: afterwards you can’t use this dashboard.'}
            </Text>
          </Notice>
        )}
        <FormActions
          request={update}
          name="Edit the account"
          error={rest}
          failed="The account was not changed"
          action="Save"
          onCancel={onCancel}
        />
      </Stack>
    </form>
  );
}
