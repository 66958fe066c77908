import { vi } from 'vitest';

// What the code asks of a browser before anything is called.
vi.stubGlobal('navigator', { language: 'en-GB', languages: ['en-GB'] });
vi.stubGlobal('document', {
  baseURI: 'https://school.example/campus/backup/',
  documentElement: { lang: 'en' },
});
