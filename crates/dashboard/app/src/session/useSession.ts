import { useSyncExternalStore } from 'react';
import { current, type Session, subscribe } from './store';

export function useSession(): Session {
  return useSyncExternalStore(subscribe, current);
}

/** Whether the user with this name is signed in here. */
export function useIsMine({ username }: { username: string }): boolean {
  const session = useSession();
  return 'user' in session && session.user.username === username;
}
