import { useCallback } from 'react';
import { useLocation } from 'wouter';
import type { ImportRequest } from '../../api/imports';
import { useIsMounted } from '../../components/useIsMounted';
import { planImport } from '../../transfers/imports';

/** Sends a file, and shows its plan if the user is still here. The plan replaces the `previous` one. */
export function useSendFile() {
  const [, go] = useLocation();
  const isMounted = useIsMounted();
  return useCallback(
    async (file: File, request: ImportRequest, previous?: string) => {
      const plan = await planImport(file, request, previous);
      if (plan !== undefined && isMounted.current) go(`/import/${plan}`);
    },
    [go, isMounted],
  );
}
