// The pages. One more is one more folder beside this file, with a `page.ts` that says what it is: it then has its
// address, its place in the navigation, and is loaded when it is first shown. Nothing else has to know of it.
import type { ComponentType } from 'react';
import type { IconName } from '../components/Icon';

export interface Page {
  /** The address behind `#`, such as `/download`. */
  path: string;
  /** Its place in the navigation: smaller numbers first, in steps of ten. */
  order: number;
  /** What the navigation calls it. */
  label: string;
  icon: IconName;
  load: () => Promise<{ default: ComponentType }>;
}

const found = import.meta.glob<Page>('./*/page.ts', { eager: true, import: 'page' });

export const pages: readonly Page[] = Object.values(found).sort((one, other) => one.order - other.order);
