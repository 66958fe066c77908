import { Button, Code, Stack } from '@mantine/core';
import { useState } from 'react';
import { usePages } from '../../api/pages';
import { listTokens, type Token } from '../../api/tokens';
import { FormDialog } from '../../components/FormDialog';
import { Icon } from '../../components/Icon';
import { ItemList } from '../../components/ItemList';
import { PageHeader } from '../../components/PageHeader';
import { SavedNotice } from '../../components/SavedNotice';
import { Tip } from '../../components/Tip';
import { useDialog } from '../../components/useDialog';
import { CreateToken } from './CreateToken';
import { RevokeToken } from './RevokeToken';
import { TokenRow } from './TokenRow';

type DialogRequest = { kind: 'create' } | { kind: 'revoke'; token: Token };

export default function Tokens() {
  const list = usePages(['tokens'], listTokens);
  const dialog = useDialog<DialogRequest>();
  const [saved, setSaved] = useState<string>();
  return (
    <>
      <PageHeader
        title="Tokens"
        lead="Your tokens for scripts. A script with a token needs no password, and has only the rights that you give it."
      >
        <Button leftSection={<Icon name="add" size={18} />} onClick={() => dialog.open({ kind: 'create' })}>
          Create a token…
        </Button>
      </PageHeader>
      <Stack gap="md">
        <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
        <ItemList list={list} one="token" other="tokens" empty="You have no token yet.">
          {(token) => (
            <TokenRow
              key={token.id}
              token={token}
              onRevoke={(from) => dialog.open({ kind: 'revoke', token }, from)}
            />
          )}
        </ItemList>
        <Tip title="Use a token">
          A script sends it in the header <Code>Authorization: Bearer</Code>. Store it like a password. Revoke
          a token that is no longer used, or that another person may know.
        </Tip>
      </Stack>
      <FormDialog
        dialog={dialog}
        title={({ kind }) => (kind === 'create' ? 'Create a token' : 'Revoke the token')}
      >
        {(subject, close) =>
          subject.kind === 'create' ? (
            <CreateToken onClose={close} />
          ) : (
            <RevokeToken
              token={subject.token}
              onDone={(text) => {
                setSaved(text);
                close();
              }}
              onCancel={close}
            />
          )
        }
      </FormDialog>
    </>
  );
}
