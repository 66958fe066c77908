import { Button } from '@mantine/core';
import { body, client } from '../../api/client';
import { discardImport } from '../../api/imports';
import { ProblemAlert } from '../../components/ProblemAlert';
import { lookUpDeleted, orNotFound } from '../../requests/itemRequests';
import { useRequest } from '../../requests/useRequest';
import { forgetImport } from '../../transfers/imports';

/** Discards a plan. Nothing that was imported is changed. */
export function DiscardButton({
  id,
  name,
  size = 'sm',
  onDone,
}: {
  id: string;
  /** The name of its file. */
  name: string;
  size?: 'xs' | 'sm';
  onDone?: () => void;
}) {
  const discard = useRequest({
    name: () => `Discard the plan of ${name}`,
    send: async (_: null, __, signal) => {
      // It may have expired.
      await orNotFound(() => discardImport(id, signal));
      return true as const;
    },
    lookUp: () =>
      lookUpDeleted(async () => body(await client.GET('/backup/imports/{id}', { params: { path: { id } } }))),
    trace: () => undefined,
    done: () => 'The plan was discarded. Nothing was changed.',
    reports: 'failure only',
    onSuccess: () => {
      forgetImport(id);
      onDone?.();
    },
  });
  return (
    <>
      <Button
        size={size}
        variant="default"
        loading={discard.isPending}
        aria-label={`Discard the plan of ${name}`}
        onClick={() => discard.mutate(null)}
      >
        Discard
      </Button>
      {discard.error && <ProblemAlert error={discard.error} title="The plan was not discarded" />}
    </>
  );
}
