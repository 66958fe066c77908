import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { precompress } from './build/precompress.ts';
import { themeSheet } from './build/theme-sheet.ts';

// Where `npm run dev` finds a running service.
const service = process.env.CAMPUS_BACKUP_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  // Relative, so that the dashboard also works behind a proxy that puts the service under a path of its own.
  base: './',
  plugins: [react(), themeSheet(), precompress()],
  build: {
    target: 'es2022',
    // An inlined file would be a data URL, which the content security policy does not let in.
    assetsInlineLimit: 0,
    // One style sheet, loaded at the start: Vite does not load the sheet of a page again after it has failed once.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/auth': service, '/backup/': service } },
});
