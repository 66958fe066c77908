import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { retention as retentionQuery } from '../../api/retention';
import { PageHeader } from '../../components/PageHeader';
import { QueryState } from '../../components/QueryState';
import { RetentionContent } from './RetentionContent';

export default function Retention() {
  const query = useQuery(retentionQuery);
  return (
    <>
      <PageHeader
        title="Retention"
        lead="Which backups stay, and which old ones the service deletes by itself."
      />
      <Stack gap="lg">
        <QueryState query={query} name="policy" height="16rem" />
        {query.data && <RetentionContent retention={query.data} />}
      </Stack>
    </>
  );
}
