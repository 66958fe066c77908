import { Button, Checkbox, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { invalidate } from '../../api/queries';
import {
  createToken,
  findToken,
  type CreateToken as Request,
  type Token,
  type TokenScope,
} from '../../api/tokens';
import { DialogActions } from '../../components/DialogActions';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { Notice } from '../../components/Notice';
import { OneTimeSecret } from '../../components/OneTimeSecret';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import { isolated } from '../../locale/language';
import type { LookupResult } from '../../requests/settle';
import { useRequest } from '../../requests/useRequest';
import { expiryOf, LIFETIMES, SCOPES } from './scopes';

const LABELS = { name: 'The name', scopes: 'The rights', expires_at: 'The end' };

/** Creates a token, and shows it once. */
export function CreateToken({ onClose }: { onClose: () => void }) {
  const create = useRequest({
    name: ({ name }: Request) => `Create the token “${isolated(name)}”`,
    send: (request, _, signal) => createToken(request, signal),
    // If the answer was lost, the token may exist, but its secret is `null`.
    lookUp: async ({ name }): Promise<LookupResult<Token>> => {
      const found = await findToken((token) => token.name === name);
      return found ? { at: 'done', result: found } : { at: 'none' };
    },
    trace: () => undefined,
    done: ({ name }) =>
      `The token “${isolated(name)}” exists, but it can’t be shown. Revoke it and create it again.`,
    onSettled: () => invalidate('tokens', 'accounts'),
  });
  if (!create.data) return <TokenForm request={create} onClose={onClose} />;
  if (create.data.token === null) return <LostToken name={create.data.name} onClose={onClose} />;
  return (
    <OneTimeSecret title="The token was created" label="Token" secret={create.data.token} onClose={onClose}>
      Store it where only the script can read it.
    </OneTimeSecret>
  );
}

function LostToken({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <Stack>
      <Notice kind="warning" title="The token did not arrive">
        <Text size="sm">
          The token “<bdi>{name}</bdi>” exists, but the answer with its secret was lost. Revoke it and create
          it again.
        </Text>
      </Notice>
      <DialogActions>
        <Button onClick={onClose} data-autofocus>
          Close
        </Button>
      </DialogActions>
    </Stack>
  );
}

function TokenForm({
  request,
  onClose,
}: {
  request: Parameters<typeof FormActions>[0]['request'] & { mutate: (request: Request) => void };
  onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<TokenScope[]>(['read']);
  const [lifetime, setLifetime] = useState('365');
  const [date, setDate] = useState('');
  const [problems, setProblems] = useState<Partial<typeof LABELS>>();
  const { fields, rest } = fieldErrors(request.error, LABELS);
  const errors = { ...fields, ...problems };
  const form = useInvalidFocus(problems ?? request.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (request.isPending) return;
    const expiry = expiryOf(lifetime, date);
    const isNamed = name.trim() !== '';
    if (isNamed && scopes.length > 0 && 'at' in expiry) {
      setProblems(undefined);
      request.mutate({ name: name.trim(), scopes, expires_at: expiry.at });
    } else {
      setProblems({
        ...(!isNamed && { name: 'Enter a name.' }),
        ...(scopes.length === 0 && { scopes: 'Choose a right.' }),
        ...('problem' in expiry && { expires_at: expiry.problem }),
      });
    }
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="Name"
          description="For example “nightly backup”"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={errors.name}
          data-autofocus
        />
        <Checkbox.Group
          label="Rights"
          description="Give only those that the script needs."
          value={scopes}
          onChange={(next) => setScopes(next as TokenScope[])}
          error={errors.scopes}
        >
          <Stack gap="xs" mt="xs">
            {SCOPES.map((scope) => (
              <Checkbox key={scope.value} {...scope} />
            ))}
          </Stack>
        </Checkbox.Group>
        <NativeSelect
          label="Expires"
          value={lifetime}
          onChange={(event) => setLifetime(event.currentTarget.value)}
          data={LIFETIMES}
          error={lifetime === 'date' ? undefined : errors.expires_at}
        />
        {lifetime === 'date' && (
          <TextInput
            label="Last day"
            type="date"
            value={date}
            onChange={(event) => setDate(event.currentTarget.value)}
            error={errors.expires_at}
          />
        )}
        <FormActions
          request={request}
          name="Create a token"
          error={rest}
          failed="No token was created"
          action="Create"
          onCancel={onClose}
        />
      </Stack>
    </form>
  );
}
