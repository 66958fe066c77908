import { type MantineColorScheme, Menu } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { Icon } from '../components/Icon';
import { useDialog } from '../components/useDialog';
import { SignOutEverywhere } from '../session/SignOutEverywhere';
import { signOut } from '../session/signIn';
import type { User } from '../session/store';
import { AccountButton } from './AccountButton';
import { COLOR_SCHEMES, useColorScheme } from './colorSchemes';

/** The account menu, which opens when it is first shown. */
export function AccountMenuContent({ user }: { user: User }) {
  const { colorScheme, setColorScheme } = useColorScheme();
  const { opened, opening, open, close } = useDialog<null>();
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    // It replaces the button that had the focus. When the menu closes, the focus returns to this one.
    button.current?.focus();
    setOpen(true);
  }, []);
  return (
    <>
      <Menu
        opened={isOpen}
        onChange={setOpen}
        position="bottom-end"
        width={220}
        withinPortal={false}
        withInitialFocusPlaceholder={false}
      >
        <Menu.Target>
          <AccountButton ref={button} user={user} />
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.RadioGroup
            aria-label="Appearance"
            value={colorScheme}
            onChange={(value) => setColorScheme(value as MantineColorScheme)}
          >
            {COLOR_SCHEMES.map(({ value, label, icon }) => (
              <Menu.RadioItem key={value} value={value} rightSection={<Icon name={icon} size={16} />}>
                {label}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
          <Menu.Divider />
          <Menu.Item component={Link} href="/accounts" leftSection={<Icon name="accounts" size={16} />}>
            Accounts and password
          </Menu.Item>
          <Menu.Item component={Link} href="/settings" leftSection={<Icon name="settings" size={16} />}>
            Settings
          </Menu.Item>
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
