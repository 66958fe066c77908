/** The files of a page could not be loaded. */
export class PageNotLoaded extends Error {
  constructor(cause: unknown) {
    super('The files of the page did not arrive.', { cause });
    this.name = 'PageNotLoaded';
  }
}
