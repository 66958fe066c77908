import type { Page } from '../registry';

export const page: Page = {
  path: '/clear',
  group: 'data',
  order: 30,
  label: 'Clear',
  icon: 'clear',
  load: () => import('./Clear'),
};
