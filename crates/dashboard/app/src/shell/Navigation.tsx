import { NavLink, Text } from '@mantine/core';
import { useId } from 'react';
import { Link } from 'wouter';
import { Icon } from '../components/Icon';
import { type Page, type PageGroup, pages } from '../pages/registry';
import classes from './Layout.module.css';

/** The groups of the navigation, from the top. The pages of a group without a title need no other name. */
const GROUPS: readonly { group: PageGroup; title?: string }[] = [
  { group: 'home' },
  { group: 'backups' },
  { group: 'data', title: 'Data' },
  { group: 'automation', title: 'Automation' },
  { group: 'administration', title: 'Administration' },
];

export function Navigation({ location, onChoose }: { location: string; onChoose?: () => void }) {
  return (
    <nav aria-label="Pages" className={classes.nav}>
      {GROUPS.map(({ group, title }) => (
        <NavigationGroup
          key={group}
          title={title}
          pages={pages.filter((page) => page.group === group)}
          location={location}
          onChoose={onChoose}
        />
      ))}
    </nav>
  );
}

function NavigationGroup({
  title,
  pages,
  location,
  onChoose,
}: {
  title: string | undefined;
  pages: Page[];
  location: string;
  onChoose: (() => void) | undefined;
}) {
  // The navigation can be shown twice: at the side and in the menu.
  const id = useId();
  if (pages.length === 0) return null;
  return (
    <div className={classes.group}>
      {title && (
        <Text component="h2" id={id} className={classes.groupTitle}>
          {title}
        </Text>
      )}
      <ul {...(title && { 'aria-labelledby': id })}>
        {pages.map(({ path, label, icon }) => {
          const active =
            path === '/' ? location === '/' : location === path || location.startsWith(`${path}/`);
          return (
            <li key={path}>
              <NavLink
                component={Link}
                href={path}
                label={label}
                leftSection={<Icon name={icon} />}
                active={active}
                aria-current={active ? 'page' : undefined}
                {...(onChoose && { onClick: onChoose })}
                className={classes.link}
              />
            </li>
          );
        })}
      </ul>
    </div>
  );
}
