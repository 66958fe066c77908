import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The version that the build of the program defines.
  define: { __VERSION__: '""' },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'modules', include: ['test/**/*.test.ts'], setupFiles: ['test/setup.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'components',
          include: ['test/**/*.test.tsx'],
          environment: 'happy-dom',
          environmentOptions: {
            happyDOM: {
              url: 'https://school.example/campus/backup/',
              settings: { handleDisabledFileLoadingAsSuccess: true },
            },
          },
          setupFiles: ['test/service.ts'],
          testTimeout: 30_000,
        },
      },
    ],
  },
});
