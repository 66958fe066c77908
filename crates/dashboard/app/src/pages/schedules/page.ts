import type { Page } from '../registry';

export const page: Page = {
  path: '/schedules',
  group: 'automation',
  order: 70,
  label: 'Schedules',
  icon: 'schedules',
  load: () => import('./Schedules'),
};
