import { Button, Modal, Stack, Text } from '@mantine/core';
import { client } from '../api/client';
import { isSessionEnd } from '../api/problem';
import { DialogActions } from '../components/DialogActions';
import { ProblemAlert } from '../components/ProblemAlert';
import { LookupNotice } from '../requests/LookupNotice';
import { useRequest } from '../requests/useRequest';
import { forgetSession } from './signIn';

const NAME = 'Sign out everywhere';

/** Asks for a confirmation, then ends all sessions of the account. */
export function SignOutEverywhere({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      returnFocus={false}
      title={NAME}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Question onClose={onClose} />
    </Modal>
  );
}

function Question({ onClose }: { onClose: () => void }) {
  const end = useRequest({
    name: () => NAME,
    send: async (_: null, __, signal) => {
      await client.DELETE('/auth/sessions', { signal });
      return true as const;
    },
    // If this session has ended, all others have ended, too.
    lookUp: async () => {
      try {
        await client.GET('/auth/me');
        return { at: 'none' };
      } catch (error) {
        if (isSessionEnd(error)) return { at: 'done', result: true };
        throw error;
      }
    },
    // After a reload the page shows whether the user is signed in.
    trace: () => undefined,
    onSuccess: forgetSession,
  });
  return (
    <Stack>
      <Text>
        You will be signed out here, in all other browsers and on all other computers. Your tokens for scripts
        and your unused download links stop working, too. Running backups and other jobs continue.
      </Text>
      <Text>
        Use this if another person may be signed in with your account. Afterwards, ask the operator of this
        service for a new password.
      </Text>
      {end.lookup && <LookupNotice name={NAME} lookup={end.lookup} />}
      {end.error && <ProblemAlert error={end.error} title="You are still signed in" />}
      <DialogActions>
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button loading={end.isPending} onClick={() => end.mutate(null)}>
          Sign out everywhere
        </Button>
      </DialogActions>
    </Stack>
  );
}
