import { Stack, Text } from '@mantine/core';
import { invalidate } from '../../api/queries';
import { findToken, revokeToken, type Token } from '../../api/tokens';
import { FormActions } from '../../components/FormActions';
import { isolated } from '../../locale/language';
import { useRequest } from '../../requests/useRequest';

const NAME = 'Revoke the token';

export function RevokeToken({
  token,
  onDone,
  onCancel,
}: {
  token: Token;
  onDone: (text: string) => void;
  onCancel: () => void;
}) {
  const done = `The token “${isolated(token.name)}” was revoked.`;
  const revoke = useRequest({
    name: () => NAME,
    send: async (_: null, __, signal) => {
      await revokeToken(token.id, signal);
      return true as const;
    },
    lookUp: async () => {
      const found = await findToken(({ id }) => id === token.id);
      return found ? { at: 'none' } : { at: 'done', result: true };
    },
    trace: () => undefined,
    done: () => done,
    onSuccess: () => onDone(done),
    onSettled: () => invalidate('tokens', 'accounts'),
  });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!revoke.isPending) revoke.mutate(null);
      }}
    >
      <Stack>
        <Text>
          Scripts that use “<bdi>{token.name}</bdi>” are refused from now on. A revoked token can’t be used
          again.
        </Text>
        <FormActions
          request={revoke}
          name={NAME}
          failed="The token was not revoked"
          action="Revoke"
          isDangerous
          onCancel={onCancel}
        />
      </Stack>
    </form>
  );
}
