import { Skeleton, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { health as healthQuery } from '../../api/health';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { HealthReasons } from './HealthReasons';
import { LastBackup } from './LastBackup';
import { SafetyFacts } from './SafetyFacts';

/** Answers whether the data could be restored now, and what to do if it could not. */
export function Safety() {
  const { data, error, refetch } = useQuery(healthQuery);
  return (
    <Stack>
      <Title order={2} size="h4">
        Is the data safe?
      </Title>
      {data && <HealthReasons health={data} />}
      {error && (
        <ProblemAlert
          error={error}
          title="The state of the backups can’t be loaded"
          again={{ label: 'Try again', act: () => refetch() }}
        />
      )}
      {data && (
        <Panel label="State of the backups">
          <SafetyFacts health={data} />
        </Panel>
      )}
      {!data && !error && <Skeleton height="9rem" aria-label="Loading the state of the backups" />}
      <LastBackup />
    </Stack>
  );
}
