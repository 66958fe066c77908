import { Button, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { type Archive, archive } from '../api/archives';
import { isGone } from '../api/problem';
import { ProblemAlert } from './ProblemAlert';

/**
 * Loads the archive whose id is in the URL. If it does not exist, the page says so, and shows no other archive instead.
 */
export function ArchiveFromUrl({
  id,
  back,
  children,
}: {
  id: string;
  /** The page where another archive can be chosen. */
  back: string;
  children: (archive: Archive) => ReactNode;
}) {
  const { data, error, refetch } = useQuery(archive(id));
  if (data) return children(data);
  if (!error) return <Skeleton height="16rem" aria-label="Loading the backup" />;
  return (
    <Stack align="flex-start">
      <ProblemAlert
        error={error}
        {...(!isGone(error) && { again: { label: 'Try again', act: () => refetch() } })}
      />
      <Button component={Link} href={back} variant="default">
        Choose another backup
      </Button>
    </Stack>
  );
}
