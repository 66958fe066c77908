import type { Page } from '../registry';

export const page: Page = {
  path: '/download',
  order: 20,
  label: 'Download',
  icon: 'download',
  load: () => import('./Download'),
};
