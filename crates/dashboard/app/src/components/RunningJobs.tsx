import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { hasEnded, jobs } from '../api/jobs';
import { invalidate } from '../api/queries';
import { JobProgress } from './JobProgress';

/** The running jobs of all users, except those that the page shows elsewhere. A reload does not lose them. */
export function RunningJobs({ except }: { except: ReadonlySet<string> }) {
  const { data } = useQuery(jobs);
  const running = data?.items.filter((each) => !hasEnded(each)) ?? [];
  const ids = running.map(({ id }) => id).join(' ');
  const before = useRef(ids);
  useEffect(() => {
    const ended = before.current.split(' ').filter((id) => !ids.includes(id));
    before.current = ids;
    if (ended.length > 0) invalidate('jobs', 'archives', 'changes', 'stats', 'health');
  }, [ids]);
  const shown = running.filter(({ id }) => !except.has(id));
  if (shown.length === 0) return null;
  return (
    <Stack gap="sm" component="section" aria-label="Running jobs">
      {shown.map((each) => (
        <JobProgress key={each.id} job={each} />
      ))}
    </Stack>
  );
}
