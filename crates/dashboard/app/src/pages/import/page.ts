import type { Page } from '../registry';

export const page: Page = {
  path: '/import',
  group: 'data',
  order: 25,
  label: 'Import',
  icon: 'import',
  load: () => import('./Import'),
};
