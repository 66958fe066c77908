import { useQuery } from '@tanstack/react-query';
import { pageNotLoaded } from './pageNotLoaded';

/** The number of attempts after the first one, in case the network or the service fails only for a moment. */
const RETRIES = 2;

/**
 * Loads code when it is first needed, so that the first page stays small. React's `lazy` remembers a failure. Here the
 * load is retried, the user can try again, and it tries again when the network is back.
 */
export function useCode<Code extends object>(name: string, load: () => Promise<Code>, isWanted = true) {
  return useQuery({
    queryKey: ['code', name],
    queryFn: () => load().catch(async (cause: unknown) => Promise.reject(await pageNotLoaded(cause))),
    enabled: isWanted,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    // The files of another version do not come back.
    retry: (failures, error) => !('isUpgraded' in error && error.isUpgraded) && failures < RETRIES,
    structuralSharing: false,
  });
}
