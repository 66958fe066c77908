import type { Page } from '../registry';

export const page: Page = {
  path: '/archives',
  group: 'backups',
  order: 40,
  label: 'Backups',
  icon: 'archives',
  load: () => import('./Archives'),
};
