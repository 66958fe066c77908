import { type CSSVariablesResolver, createTheme, defaultCssVariablesResolver } from '@mantine/core';
import { ButtonRoot } from './components/ButtonRoot.ts';

/** The color of dangerous actions. Nothing else is red. */
export const DANGER = 'red';

// Mantine's scroll lock needs a style element, which the security policy forbids. The header role belongs to the page
// only.
const dialog = { lockScroll: false, attributes: { header: { role: 'presentation' } } };

export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  headings: { fontWeight: '650' },
  components: {
    Button: { defaultProps: { component: ButtonRoot } },
    Modal: {
      defaultProps: {
        ...dialog,
        // A sliding dialog would cover the page while it closes, and catch clicks that are meant for the page.
        transitionProps: { transition: 'fade', duration: 150 },
      },
    },
    Drawer: { defaultProps: dialog },
  },
});

/** Replaces the shades of Mantine that have less contrast than WCAG 2.2 AA requires. */
export const resolver: CSSVariablesResolver = (resolved) => {
  const { variables, light, dark } = defaultCssVariablesResolver(resolved);
  return {
    variables,
    light: {
      ...light,
      '--page': '#f6f8fa',
      '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
      '--mantine-color-error': 'var(--mantine-color-red-9)',
      '--mantine-color-anchor': 'var(--mantine-color-blue-9)',
      '--mantine-color-red-filled': 'var(--mantine-color-red-9)',
      '--mantine-color-red-filled-hover': '#b02525',
      '--mantine-color-red-light-color': '#a61e1e',
      '--mantine-color-blue-light-color': '#155591',
      '--mantine-color-green-light-color': '#1f6b30',
      '--mantine-color-yellow-light-color': '#8f4400',
      '--mantine-color-gray-light-color': 'var(--mantine-color-gray-8)',
      '--surface': 'var(--mantine-color-body)',
      '--edge': 'var(--mantine-color-gray-3)',
    },
    dark: {
      ...dark,
      '--page': '#16181b',
      '--mantine-color-body': '#1f2226',
      '--mantine-color-red-light': 'rgb(250 82 82 / 15%)',
      '--mantine-color-blue-light': 'rgb(34 139 230 / 17%)',
      '--mantine-color-blue-light-hover': 'rgb(34 139 230 / 27%)',
      '--mantine-color-yellow-light': 'rgb(250 176 5 / 12%)',
      '--mantine-color-green-light': 'rgb(64 192 87 / 14%)',
      '--mantine-color-dimmed': 'var(--mantine-color-dark-1)',
      '--mantine-color-error': 'var(--mantine-color-red-4)',
      '--mantine-color-anchor': 'var(--mantine-color-blue-3)',
      '--mantine-color-red-filled': 'var(--mantine-color-red-9)',
      '--mantine-color-red-filled-hover': '#b02525',
      '--mantine-color-red-light-color': 'var(--mantine-color-red-2)',
      '--mantine-color-blue-light-color': 'var(--mantine-color-blue-2)',
      '--mantine-color-green-light-color': 'var(--mantine-color-green-3)',
      '--mantine-color-yellow-light-color': 'var(--mantine-color-yellow-3)',
      '--mantine-color-gray-light-color': 'var(--mantine-color-gray-3)',
      '--surface': 'var(--mantine-color-body)',
      '--edge': '#33373d',
    },
  };
};
