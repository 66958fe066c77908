import { type Page, pages } from '../pages/registry';

/** The page of a route. It includes the routes below it, such as `/archives/7`. */
export function currentPage(location: string): Page | undefined {
  const [, first = ''] = location.split('/');
  return pages.find(({ path }) => path === `/${first}`);
}
