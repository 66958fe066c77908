import type { Page } from '../registry';

export const page: Page = {
  path: '/download',
  group: 'data',
  order: 20,
  label: 'Download',
  icon: 'download',
  load: () => import('./Download'),
};
