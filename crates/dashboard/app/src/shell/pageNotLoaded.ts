/** The files of a page could not be loaded. */
export class PageNotLoaded extends Error {
  constructor(
    cause: unknown,
    /** Whether the service has another version of the dashboard now. A reload gets it. */
    readonly isUpgraded: boolean,
  ) {
    super('The files of the page did not arrive.', { cause });
    this.name = 'PageNotLoaded';
  }
}

/** The error of files that could not be loaded. It asks the service whether it has another version now. */
export async function pageNotLoaded(cause: unknown): Promise<PageNotLoaded> {
  return new PageNotLoaded(cause, await isUpgraded());
}

/** Whether the dashboard of the service starts with another script than this one. The name has a hash of its content. */
async function isUpgraded(): Promise<boolean> {
  const script = document.querySelector('script[type="module"][src]')?.getAttribute('src');
  if (script == null) return false;
  try {
    const answer = await fetch(new URL('./', document.baseURI), { cache: 'no-store' });
    return answer.ok && !(await answer.text()).includes(`"${script}"`);
  } catch {
    return false;
  }
}
