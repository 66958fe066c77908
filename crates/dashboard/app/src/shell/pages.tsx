import { type ComponentType, lazy } from 'react';
import { pages } from '../pages/registry';
import { NotFound } from './NotFound';

const views = new Map<string, { label: string; View: ComponentType }>(
  pages.map(({ path, label, load }) => [path, { label, View: lazy(load) }]),
);

/** The page of an address. A page has the addresses beneath it, too, such as `/archives/7`. */
export function currentPage(location: string): { label: string; View: ComponentType } {
  const [, first = ''] = location.split('/');
  return views.get(`/${first}`) ?? { label: 'Not found', View: NotFound };
}
