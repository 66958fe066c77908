import { Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { health as healthQuery } from '../../api/health';
import { Panel } from '../../components/Panel';
import { QueryState } from '../../components/QueryState';
import { HealthReasons } from './HealthReasons';
import { LastBackup } from './LastBackup';
import { SafetyFacts } from './SafetyFacts';

/** Answers whether the data could be restored now, and what to do if it could not. */
export function Safety() {
  const query = useQuery(healthQuery);
  const { data } = query;
  return (
    <Stack>
      <Title order={2} size="h4">
        Is the data safe?
      </Title>
      {data && <HealthReasons health={data} />}
      <QueryState query={query} name="state of the backups" height="9rem" />
      {data && (
        <Panel label="State of the backups">
          <SafetyFacts health={data} />
        </Panel>
      )}
      <LastBackup />
    </Stack>
  );
}
