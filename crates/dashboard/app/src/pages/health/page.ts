import type { Page } from '../registry';

export const page: Page = {
  path: '/health',
  group: 'administration',
  order: 130,
  label: 'Health',
  icon: 'health',
  load: () => import('./Health'),
};
