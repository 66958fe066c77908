// The variables of the theme that color the charts. They have enough contrast in light and dark.

export const LINE = '--mantine-color-anchor';
export const FAILED = '--mantine-color-error';
export const MISSED = '--mantine-color-yellow-light-color';
