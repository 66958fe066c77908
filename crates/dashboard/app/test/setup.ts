import { vi } from 'vitest';

// The browser globals that modules read when they are loaded.
vi.stubGlobal('navigator', { language: 'en-GB', languages: ['en-GB'] });
vi.stubGlobal('document', {
  baseURI: 'https://school.example/campus/backup/',
  documentElement: { lang: 'en' },
});
