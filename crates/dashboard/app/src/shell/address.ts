// The state of a page in its address, behind the route: `#/archives?search=exams`. A reload and a copied link keep it.
import { useHashLocation } from 'wouter/use-hash-location';

/** The route without the state of its page, for the router. */
export const useRoute = Object.assign(
  (): ReturnType<typeof useHashLocation> => {
    const [location, navigate] = useHashLocation();
    return [routeOf(location), navigate];
  },
  { hrefs: (route: string): string => `#${route}` },
);

/** The current route. */
export const currentRoute = (): string => routeOf(location.hash.replace(/^#/, ''));

/** The state in the current address. */
export function addressState(): URLSearchParams {
  const start = location.hash.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : location.hash.slice(start + 1));
}

/** Replaces the state in the current address, without an entry in the history of the browser. */
export function replaceAddressState(state: URLSearchParams): void {
  const behind = state.size > 0 ? `?${state}` : '';
  history.replaceState(history.state, '', `#${currentRoute()}${behind}`);
}

const routeOf = (location: string): string => location.split('?', 1)[0] ?? '';
