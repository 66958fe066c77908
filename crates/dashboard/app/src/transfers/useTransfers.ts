import { useSyncExternalStore } from 'react';
import { current, subscribe, type Transfer } from './store';

export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(subscribe, current);
}
