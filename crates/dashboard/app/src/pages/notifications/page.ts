import type { Page } from '../registry';

export const page: Page = {
  path: '/notifications',
  group: 'automation',
  order: 100,
  label: 'Notifications',
  icon: 'notifications',
  load: () => import('./Notifications'),
};
