import { Radio, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Role } from '../../api/accounts';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import { useCreateAccount } from './accountRequests';
import { OneTimePassword } from './OneTimePassword';
import { ROLES } from './roles';

/** Creates an account, and shows its one-time password once. */
export function CreateAccount({ onClose }: { onClose: () => void }) {
  const [username, setUsername] = useState('');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('admin');
  const [missing, setMissing] = useState(false);
  const create = useCreateAccount(() => undefined);
  const { fields, rest } = fieldErrors(create.error, {
    username: 'The user name',
    email: 'The email address',
    role: 'The role',
  });
  const form = useInvalidFocus(missing || create.error);
  if (create.data) {
    return <OneTimePassword credentials={create.data} title="The account was created" onClose={onClose} />;
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (create.isPending) return;
    const name = username.trim();
    setMissing(name === '');
    if (name !== '') create.mutate({ username: name, role, email: email.trim() || null });
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="User name"
          maxLength={255}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          error={missing ? 'Enter a user name.' : fields.username}
          data-autofocus
        />
        <TextInput
          label="Email address"
          description="Optional"
          type="email"
          maxLength={255}
          autoComplete="off"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={fields.email}
        />
        <RoleField role={role} onChange={setRole} error={fields.role} />
        <FormActions
          request={create}
          name="Create an account"
          error={rest}
          failed="No account was created"
          action="Create"
          onCancel={onClose}
        />
      </Stack>
    </form>
  );
}

export function RoleField({
  role,
  onChange,
  error,
}: {
  role: Role;
  onChange: (role: Role) => void;
  error: string | undefined;
}) {
  return (
    <Radio.Group label="Role" value={role} onChange={(next) => onChange(next as Role)} error={error}>
      <Stack gap="xs" mt="xs">
        {ROLES.map((each) => (
          <Radio key={each.value} {...each} />
        ))}
      </Stack>
    </Radio.Group>
  );
}
