// Downloads that the browser does itself, with a link that works once. The page can't see their progress, so it asks
// the service.
import { body, client } from '../api/client';
import { ProblemError } from '../api/problem';
import { untilSignedIn } from '../session/store';

/** The download ended before the service had sent the whole file. */
export class LinkBrokenOff extends Error {
  constructor() {
    super('The download ended before all of it was sent.');
    this.name = 'LinkBrokenOff';
  }
}

/** The browser has not opened the link. */
export class LinkNotUsed extends Error {
  constructor() {
    super('The browser did not begin the download.');
    this.name = 'LinkNotUsed';
  }
}

/** The milliseconds between two questions about the state of a link. */
const PAUSE = 2_000;

/** Starts a download in the browser, and returns the id of its link. */
export async function openLink(path: string, signal: AbortSignal): Promise<number> {
  const link = await createLink(path, signal);
  const anchor = document.createElement('a');
  anchor.href = link.href;
  anchor.download = '';
  anchor.click();
  return link.id;
}

/**
 * Shows a page of the service in a new tab. The tab is opened at once, because a browser blocks one that is opened after
 * an answer. If the browser blocks it anyway, it saves the page as a file.
 */
export async function openPage(path: string): Promise<void> {
  const { signal } = new AbortController();
  const tab = window.open('', '_blank');
  if (!tab) {
    await openLink(path, signal);
    return;
  }
  // The page must not reach the dashboard.
  tab.opener = null;
  try {
    tab.location.replace((await createLink(path, signal)).href);
  } catch (error) {
    tab.close();
    throw error;
  }
}

/** A link that works once, and its address on this host. */
async function createLink(path: string, signal: AbortSignal): Promise<{ id: number; href: string }> {
  const link = body(await client.POST('/backup/download-links', { body: { path }, signal }));
  // The host of the link may be another name of this service that the security policy does not allow.
  const made = new URL(link.url);
  const address = new URL(
    `../${path.replace(/^\//, '').replace(/\?.*/, '')}${made.search}`,
    document.baseURI,
  );
  // Without this parameter the link shows a page with a button.
  return { id: link.id, href: `${address.href}&begin=true` };
}

/**
 * Waits until the download of a link has ended. Returns whether the service has sent the whole file, or `unknown` if
 * the service no longer knows the link.
 *
 * @throws {LinkBrokenOff} or {LinkNotUsed}, or the reason of the signal.
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

/** The state of a link, or `undefined` if the service does not answer: the download continues without the page. */
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
