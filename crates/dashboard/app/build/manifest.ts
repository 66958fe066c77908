import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

/**
 * Writes the web manifest, with which people can install the dashboard, and links it in the page. Its paths are relative
 * to its own folder, so they are correct behind a proxy that adds a path prefix.
 */
export function manifest(): Plugin {
  let fileName = '';
  return {
    name: 'manifest',
    apply: 'build',
    // Before Vite writes the page.
    generateBundle: {
      order: 'pre',
      handler(_, bundle) {
        const icon = Object.keys(bundle).find((name) => /^assets\/icon-[^/]+\.svg$/.test(name));
        if (icon === undefined) this.error('The page has no icon.');
        const source = manifestOf(icon.replace('assets/', ''));
        const digest = createHash('sha256').update(source).digest('hex').slice(0, 8);
        fileName = `assets/manifest-${digest}.webmanifest`;
        this.emitFile({ type: 'asset', fileName, source });
      },
    },
    transformIndexHtml: {
      order: 'post',
      handler: () => [{ tag: 'link', attrs: { rel: 'manifest', href: `./${fileName}` }, injectTo: 'head' }],
    },
  };
}

function manifestOf(icon: string): string {
  return JSON.stringify({
    name: 'Campus backup',
    short_name: 'Backup',
    start_url: '../',
    scope: '../',
    display: 'standalone',
    background_color: '#f6f8fa',
    theme_color: '#1864ab',
    icons: [{ src: icon, type: 'image/svg+xml', sizes: 'any' }],
  });
}
