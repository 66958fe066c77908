import type { Page } from '../registry';

export const page: Page = {
  path: '/accounts',
  group: 'administration',
  order: 110,
  label: 'Accounts',
  icon: 'accounts',
  load: () => import('./Accounts'),
};
