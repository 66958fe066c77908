// What the table shows: the filter, the order and the page. The address has them, too, so a reload and a copied link keep
// them. They also stay the same when the user comes back to the table by another link.
import { useEffect, useState, useSyncExternalStore } from 'react';
import { current as session } from '../../session/store';
import { addressState, currentRoute, replaceAddressState } from '../../shell/address';
import { DEFAULT_VIEW, type ListView, stateOf, viewOf } from './listing';

const ROUTE = '/archives';

let view = DEFAULT_VIEW;
/** The user of the view. The next user of the tab begins with the default. */
let owner = username();
const listeners = new Set<() => void>();

function username(): string | undefined {
  const now = session();
  return 'user' in now ? now.user.username : undefined;
}

function current(): ListView {
  if (owner !== username()) [owner, view] = [username(), DEFAULT_VIEW];
  return view;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes the view from the address, or writes it into an address without one. */
function follow(): void {
  if (currentRoute() !== ROUTE) return;
  const state = addressState();
  if (state.size > 0) {
    [owner, view] = [username(), viewOf(state)];
  } else {
    replaceAddressState(stateOf(current()));
  }
}

function followAndTell(): void {
  follow();
  for (const listener of listeners) listener();
}

/** Changes the view. Another filter or order begins at the first page. */
export function changeView(change: Partial<ListView>): void {
  view = { ...current(), page: 0, ...change };
  replaceAddressState(stateOf(view));
  for (const listener of listeners) listener();
}

/** The view of the table, which follows the address. */
export function useListView(): ListView {
  // The first render needs the view of the address.
  useState(follow);
  useEffect(() => {
    window.addEventListener('hashchange', followAndTell);
    return () => window.removeEventListener('hashchange', followAndTell);
  }, []);
  return useSyncExternalStore(subscribe, current);
}
