import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { manifest } from './build/manifest.ts';
import { precompress } from './build/precompress.ts';
import { themeSheet } from './build/theme-sheet.ts';

// The running service that `npm run dev` uses.
const service = process.env.CAMPUS_BACKUP_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  // Relative paths work behind a proxy that adds a path prefix.
  base: './',
  // Cargo sets it for the build script. The dashboard has the version of the program that embeds it.
  define: { __VERSION__: JSON.stringify(process.env.CARGO_PKG_VERSION ?? '') },
  plugins: [react(), themeSheet(), manifest(), precompress()],
  build: {
    target: 'es2022',
    // An inlined file would be a data URL, which the content security policy does not allow.
    assetsInlineLimit: 0,
    // One style sheet, loaded at the start. After one failure Vite does not load the style sheet of a page again.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/accounts': service, '/auth': service, '/backup/': service } },
});
