import type { Page } from '../registry';

export const page: Page = {
  path: '/destinations',
  group: 'automation',
  order: 90,
  label: 'Destinations',
  icon: 'destinations',
  load: () => import('./Destinations'),
};
