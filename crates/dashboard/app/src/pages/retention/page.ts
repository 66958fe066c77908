import type { Page } from '../registry';

export const page: Page = {
  path: '/retention',
  group: 'automation',
  order: 80,
  label: 'Retention',
  icon: 'retention',
  load: () => import('./Retention'),
};
