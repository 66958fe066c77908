import { Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { retention as retentionQuery } from '../../api/retention';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { RetentionContent } from './RetentionContent';

export default function Retention() {
  const { data, error, refetch } = useQuery(retentionQuery);
  return (
    <>
      <PageHeader
        title="Retention"
        lead="Which backups stay, and which old ones the service deletes by itself."
      />
      <Stack gap="lg">
        {error && (
          <ProblemAlert
            error={error}
            title={data ? 'The policy could not be refreshed' : 'The policy could not be loaded'}
            again={{ label: 'Try again', act: () => refetch() }}
          />
        )}
        {!data && !error && <Skeleton height="16rem" aria-label="Loading the policy" />}
        {data && <RetentionContent retention={data} />}
      </Stack>
    </>
  );
}
