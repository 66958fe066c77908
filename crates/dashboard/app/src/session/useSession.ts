import { useSyncExternalStore } from 'react';
import { current, type Session, subscribe } from './store';

export function useSession(): Session {
  return useSyncExternalStore(subscribe, current);
}
