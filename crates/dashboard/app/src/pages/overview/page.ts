import type { Page } from '../registry';

export const page: Page = {
  path: '/',
  group: 'home',
  order: 10,
  label: 'Home',
  icon: 'overview',
  load: () => import('./Overview'),
};
