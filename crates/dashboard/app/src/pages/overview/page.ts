import type { Page } from '../registry';

export const page: Page = {
  path: '/',
  order: 10,
  label: 'Overview',
  icon: 'overview',
  load: () => import('./Overview'),
};
