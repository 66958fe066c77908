// The pages. To add one, add a folder next to this file with a `page.ts`. The page then has its route and its place in
// the navigation, and its code is loaded when it is first shown.
import type { ComponentType } from 'react';
import type { IconName } from '../components/Icon';

export type PageGroup = 'home' | 'backups' | 'data' | 'automation' | 'administration';

export interface Page {
  /** The route, such as `/download`. */
  path: string;
  /** The group in the navigation. A page without a group is opened from other pages only. */
  group?: PageGroup;
  /** The place in its group: smaller numbers first, in steps of ten. */
  order: number;
  /** The text in the navigation. */
  label: string;
  icon: IconName;
  load: () => Promise<{ default: ComponentType }>;
}

const found = import.meta.glob<Page>('./*/page.ts', { eager: true, import: 'page' });

export const pages: readonly Page[] = Object.values(found).sort((one, other) => one.order - other.order);
