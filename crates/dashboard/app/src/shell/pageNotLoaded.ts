/** The files of a page did not arrive. */
export class PageNotLoaded extends Error {
  constructor(cause: unknown) {
    super('The files of the page did not arrive.', { cause });
    this.name = 'PageNotLoaded';
  }
}
