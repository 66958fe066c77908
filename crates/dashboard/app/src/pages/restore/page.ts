import type { Page } from '../registry';

export const page: Page = {
  path: '/restore',
  group: 'backups',
  order: 50,
  label: 'Restore',
  icon: 'restore',
  load: () => import('./Restore'),
};
