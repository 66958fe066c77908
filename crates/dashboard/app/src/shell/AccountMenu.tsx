import { Button, type MantineColorScheme, Menu, useMantineColorScheme } from '@mantine/core';
import { useRef } from 'react';
import { Icon, type IconName } from '../components/Icon';
import { useDialog } from '../components/useDialog';
import { SignOutEverywhere } from '../session/SignOutEverywhere';
import { signOut } from '../session/signIn';
import type { User } from '../session/store';

const SCHEMES: { value: MantineColorScheme; label: string; icon: IconName }[] = [
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
  { value: 'auto', label: 'Same as the system', icon: 'auto' },
];

/** The menu with the name of the user, the appearance, and the sign-out. */
export function AccountMenu({ user }: { user: User }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { opened, opening, open, close } = useDialog<null>();
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <Menu position="bottom-end" width={220} withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button ref={button} variant="default" size="sm" aria-label={`Account ${user.username}`}>
            {user.username}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.RadioGroup
            aria-label="Appearance"
            value={colorScheme}
            onChange={(value) => setColorScheme(value as MantineColorScheme)}
          >
            {SCHEMES.map(({ value, label, icon }) => (
              <Menu.RadioItem key={value} value={value} rightSection={<Icon name={icon} size={16} />}>
                {label}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="leave" size={16} />} onClick={signOut}>
            Sign out
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="leave" size={16} />} onClick={() => open(null, button.current)}>
            Sign out everywhere…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SignOutEverywhere key={opening?.key} opened={opened} onClose={() => opening && close(opening.key)} />
    </>
  );
}
