import { Button, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { importPlan } from '../../api/imports';
import { ProblemError } from '../../api/problem';
import { ProblemAlert } from '../../components/ProblemAlert';
import { forgetImport } from '../../transfers/imports';
import { dismissUpload, uploads } from '../../transfers/uploads';
import { PlanView } from './PlanView';

/** The plan with an id. */
export function PlanPage({ id }: { id: string }) {
  const { data, error, refetch, isFetching } = useQuery(importPlan(id));
  const isUnknown = error instanceof ProblemError && error.problem.status === 404;
  useEffect(() => {
    // The page shows the result of the upload.
    for (const each of uploads.current()) {
      if (each.state.at === 'done' && each.state.plan === id) dismissUpload(each.id);
    }
  }, [id]);
  useEffect(() => {
    if (isUnknown) forgetImport(id);
  }, [isUnknown, id]);
  if (data) return <PlanView plan={data} />;
  if (!error || isFetching) return <Skeleton height="16rem" aria-label="Loading the plan" />;
  return (
    <Stack align="flex-start">
      <ProblemAlert
        error={error}
        {...(!isUnknown && { again: { label: 'Try again', act: () => refetch() } })}
      />
      <Button component={Link} href="/import" variant="default">
        Import a file
      </Button>
    </Stack>
  );
}
