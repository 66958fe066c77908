import { convertCssVariables, DEFAULT_THEME, mergeMantineTheme } from '@mantine/core';
import type { Plugin } from 'vite';
import { resolver, theme } from '../src/theme.ts';

const NAME = 'virtual:theme.css';

/**
 * Writes the variables of the theme into a style sheet. Mantine would write them into a `<style>` element at run time,
 * but the content security policy allows only style files of this service.
 */
export function themeSheet(): Plugin {
  return {
    name: 'theme-sheet',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) =>
      id === `\0${NAME}` ? convertCssVariables(resolver(mergeMantineTheme(DEFAULT_THEME, theme))) : undefined,
  };
}
