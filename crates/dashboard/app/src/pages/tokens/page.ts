import type { Page } from '../registry';

export const page: Page = {
  path: '/tokens',
  group: 'administration',
  order: 120,
  label: 'Tokens',
  icon: 'tokens',
  load: () => import('./Tokens'),
};
