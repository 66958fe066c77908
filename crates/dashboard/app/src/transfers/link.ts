// What the browser downloads by itself, by a link that works once. The page can't see how that fares, so it asks the service.
import { body, client } from '../api/client';
import { ProblemError } from '../api/problem';
import { untilSignedIn } from '../session/store';

/** The download ended before the service had sent all of it. */
export class LinkBrokenOff extends Error {
  constructor() {
    super('The download ended before all of it was sent.');
    this.name = 'LinkBrokenOff';
  }
}

/** The browser has not followed the link. */
export class LinkNotUsed extends Error {
  constructor() {
    super('The browser did not begin the download.');
    this.name = 'LinkNotUsed';
  }
}

/** How long to wait until the service is asked again, in milliseconds. */
const PAUSE = 2_000;

/** Lets the browser download something, and gives the link's id. */
export async function openLink(path: string, signal: AbortSignal): Promise<number> {
  const link = body(await client.POST('/backup/download-links', { body: { path }, signal }));
  // Not the link's own host, which may be another name of this service that the page may not speak with.
  const made = new URL(link.url);
  const anchor = document.createElement('a');
  anchor.href = new URL(
    `../${path.replace(/^\//, '').replace(/\?.*/, '')}${made.search}`,
    document.baseURI,
  ).href;
  // A browser that follows the link otherwise is shown a page with a button.
  anchor.href += '&begin=true';
  anchor.download = '';
  anchor.click();
  return link.id;
}

/**
 * Waits until the download of a link has ended. Gives whether the service has sent all of it, or `unknown` if it does not
 * know the link any more.
 *
 * @throws {LinkBrokenOff} or {LinkNotUsed}, and the signal's reason.
 */
export async function waitForLink(id: number, signal: AbortSignal): Promise<'delivered' | 'unknown'> {
  for (;;) {
    await pause(signal);
    await untilSignedIn(signal);
    switch (await stateOf(id, signal)) {
      case 'delivered':
        return 'delivered';
      case 'unknown':
        return 'unknown';
      case 'broken_off':
        throw new LinkBrokenOff();
      case 'expired':
        throw new LinkNotUsed();
    }
  }
}

/** What the service says of a link; nothing if it does not answer, for the download goes on without the page. */
async function stateOf(id: number, signal: AbortSignal) {
  try {
    const params = { path: { id } };
    return body(await client.GET('/backup/download-links/{id}', { params, signal })).state;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof ProblemError && error.problem.status === 404 ? 'unknown' : undefined;
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, PAUSE);
    signal.addEventListener('abort', end, { once: true });
  });
}
