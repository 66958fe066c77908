import type { Page } from '../registry';

export const page: Page = {
  path: '/compare',
  group: 'backups',
  order: 60,
  label: 'Compare',
  icon: 'compare',
  load: () => import('./Compare'),
};
