import type { Page } from '../registry';

export const page: Page = {
  path: '/history',
  group: 'backups',
  order: 70,
  label: 'History',
  icon: 'history',
  load: () => import('./History'),
};
