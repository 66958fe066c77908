import { type Page, pages } from '../pages/registry';

/** The page of an address. A page has the addresses beneath it, too, such as `/archives/7`. */
export function currentPage(location: string): Page | undefined {
  const [, first = ''] = location.split('/');
  return pages.find(({ path }) => path === `/${first}`);
}
