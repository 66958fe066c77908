import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { hasEnded, jobs } from '../api/jobs';
import { changed } from '../api/queries';
import { JobProgress } from './JobProgress';

/** What the service is working on, whoever asked for it and however often this page was loaded since. */
export function RunningJobs() {
  const { data } = useQuery(jobs);
  const running = data?.items.filter((each) => !hasEnded(each)) ?? [];
  const count = running.length;
  const before = useRef(count);
  useEffect(() => {
    // Something has ended: lists and numbers may have changed.
    if (count < before.current) {
      changed('archives', 'changes', 'stats');
    }
    before.current = count;
  }, [count]);
  if (count === 0) return null;
  return (
    <Stack gap="sm" component="section" aria-label="What is going on">
      {running.map((each) => (
        <JobProgress key={each.id} job={each} />
      ))}
    </Stack>
  );
}
