import { Code, Skeleton, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { health as healthQuery } from '../../api/health';
import { archiveKeys, certificateKey } from '../../api/keys';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { storeText } from '../../components/storeText';
import { ENCRYPTION, grouped } from './facts';
import classes from './Settings.module.css';

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
        <dl className={classes.facts}>
          {__VERSION__ !== '' && (
            <div>
              <dt>Version</dt>
              <dd>{__VERSION__}</dd>
            </div>
          )}
          <div>
            <dt>Backup storage</dt>
            <dd>{storeText(health.data.store)}</dd>
          </div>
          <div>
            <dt>Encryption</dt>
            <dd>
              {ENCRYPTION[keys.data.mode]}
              {keys.data.recipients.map(({ recipient, fingerprint }) => (
                <Text key={recipient} size="sm" mt={4}>
                  Public key with the fingerprint <Code>{fingerprint}</Code>
                  <br />
                  <Code>{recipient}</Code>
                </Text>
              ))}
            </dd>
          </div>
          <div>
            <dt>Key of certificates</dt>
            <dd>
              <Code>{grouped(certificate.data.key_id)}</Code>
              <Text size="sm" c="dimmed">
                Compare this fingerprint with that of a certificate. Write it down outside this installation.
              </Text>
            </dd>
          </div>
        </dl>
      )}
    </Panel>
  );
}
