import { Button, Stack, Text } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { invalidate } from '../../api/queries';
import { backupName } from '../../components/backupName';
import { ProblemAlert } from '../../components/ProblemAlert';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpAcceptance } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';

/** Accepts a suspicious backup. */
export function AcceptBackup({ archive }: { archive: Archive }) {
  const { id } = archive;
  const name = `Accept “${isolated(backupName(archive))}”`;
  const accept = useRequest({
    name: () => name,
    send: async (_: null, __, signal) => {
      await client.POST('/backup/archives/{id}/accept', { params: { path: { id } }, signal });
      return true as const;
    },
    lookUp: () => lookUpAcceptance(id),
    // The backup itself shows whether it was accepted.
    trace: () => undefined,
    onSettled: () => invalidate('archives', 'health', 'retention'),
  });
  return (
    <Stack gap="xs" align="flex-start" mt="xs">
      <Text size="sm">
        Compare it with an earlier backup. If the data is right, accept it. Later backups are then compared
        with this one, and retention continues.
      </Text>
      <Button size="xs" variant="default" loading={accept.isPending} onClick={() => accept.mutate(null)}>
        The data is right: accept this backup
      </Button>
      {accept.lookup && <LookupNotice name={name} lookup={accept.lookup} />}
      {accept.error && <ProblemAlert error={accept.error} />}
    </Stack>
  );
}
