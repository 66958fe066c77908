import type { Page } from '../registry';

export const page: Page = {
  path: '/audit',
  group: 'administration',
  order: 125,
  label: 'Audit',
  icon: 'audit',
  load: () => import('./Audit'),
};
