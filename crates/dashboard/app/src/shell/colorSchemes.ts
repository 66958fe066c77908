import { type MantineColorScheme, useMantineColorScheme } from '@mantine/core';
import type { IconName } from '../components/Icon';

/** The appearances of the dashboard. The browser remembers the choice. */
export const COLOR_SCHEMES: { value: MantineColorScheme; label: string; icon: IconName }[] = [
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
  { value: 'auto', label: 'Same as the system', icon: 'auto' },
];

/** The chosen appearance. Without transitions Mantine needs a style element, which the security policy forbids. */
export const useColorScheme = () => useMantineColorScheme({ keepTransitions: true });
