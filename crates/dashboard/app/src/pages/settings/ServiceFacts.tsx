import { Code, Skeleton, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { health as healthQuery } from '../../api/health';
import { type ArchiveKeys, archiveKeys, certificateKey } from '../../api/keys';
import { FactList } from '../../components/FactList';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { storeText } from '../../components/storeText';
import { ENCRYPTION, grouped } from './facts';

/** What the service says about itself. */
export function ServiceFacts() {
  const health = useQuery(healthQuery);
  const keys = useQuery(archiveKeys);
  const certificate = useQuery(certificateKey);
  const failed = [health, keys, certificate].find(({ error }) => error);
  const isLoading = !health.data || !keys.data || !certificate.data;
  return (
    <Panel label="This service">
      <Title order={2} size="h4" mb="sm">
        This service
      </Title>
      {failed?.error && (
        <ProblemAlert
          error={failed.error}
          title="The facts about the service can’t be loaded"
          again={{ label: 'Try again', act: () => failed.refetch() }}
        />
      )}
      {isLoading && !failed && <Skeleton height="9rem" aria-label="Loading the facts" />}
      {health.data && keys.data && certificate.data && (
        <FactList
          gap="md"
          facts={[
            ['Version', __VERSION__],
            ['Backup storage', storeText(health.data.store)],
            ['Encryption', <Encryption key="keys" keys={keys.data} />],
            ['Key of certificates', <CertificateKey key="key" id={certificate.data.key_id} />],
          ]}
        />
      )}
    </Panel>
  );
}

function Encryption({ keys: { mode, recipients } }: { keys: ArchiveKeys }) {
  return (
    <>
      {ENCRYPTION[mode]}
      {recipients.map(({ recipient, fingerprint }) => (
        <Text key={recipient} size="sm" mt={4}>
          Public key with the fingerprint <Code>{fingerprint}</Code>
          <br />
          <Code>{recipient}</Code>
        </Text>
      ))}
    </>
  );
}

function CertificateKey({ id }: { id: string }) {
  return (
    <>
      <Code>{grouped(id)}</Code>
      <Text size="sm" c="dimmed">
        Compare this fingerprint with that of a certificate. Write it down outside this installation.
      </Text>
    </>
  );
}
