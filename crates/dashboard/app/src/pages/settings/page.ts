import type { Page } from '../registry';

export const page: Page = {
  path: '/settings',
  group: 'administration',
  order: 140,
  label: 'Settings',
  icon: 'settings',
  load: () => import('./Settings'),
};
