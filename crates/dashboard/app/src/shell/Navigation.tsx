import { NavLink } from '@mantine/core';
import { Link } from 'wouter';
import { Icon } from '../components/Icon';
import { pages } from '../pages/registry';
import classes from './Layout.module.css';

export function Navigation({ location, onChoose }: { location: string; onChoose?: () => void }) {
  return (
    <nav aria-label="Pages" className={classes.nav}>
      {pages.map(({ path, label, icon }) => {
        const active = path === '/' ? location === '/' : location === path || location.startsWith(`${path}/`);
        return (
          <NavLink
            key={path}
            component={Link}
            href={path}
            label={label}
            leftSection={<Icon name={icon} />}
            active={active}
            aria-current={active ? 'page' : undefined}
            {...(onChoose && { onClick: onChoose })}
            className={classes.link}
          />
        );
      })}
    </nav>
  );
}
