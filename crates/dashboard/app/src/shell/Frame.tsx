import { Burger, Drawer, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { Outcomes } from '../requests/Outcomes';
import { SignInAgain } from '../session/SignInAgain';
import type { User } from '../session/store';
import { Account } from './Account';
import { Catcher } from './Catcher';
import classes from './Frame.module.css';
import { moveFocus } from './focus';
import { LoadedPage } from './LoadedPage';
import { Logo } from './Logo';
import { Navigation } from './Navigation';
import { NotFound } from './NotFound';
import { currentPage } from './pages';
import { RunningTransfers } from './RunningTransfers';

/** What stands around every page. */
export function Frame({ user, ended }: { user: User; ended: boolean }) {
  const [menu, { toggle, close }] = useDisclosure(false);
  const [location] = useLocation();
  const page = currentPage(location);
  const label = page?.label ?? 'Not found';
  const main = useRef<HTMLElement>(null);
  const before = useRef(location);

  useEffect(() => {
    document.title = `${label} · Campus backup`;
    if (before.current === location) return;
    before.current = location;
    // Who reads by ear or by keyboard is taken to the new page, as by a page load.
    moveFocus(main.current);
    window.scrollTo(0, 0);
  }, [label, location]);

  return (
    <div className={classes.frame}>
      <button type="button" className={classes.skip} onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header className={classes.header}>
        <div className={classes.burger}>
          <Burger opened={menu} onClick={toggle} size="sm" aria-label="Menu" aria-expanded={menu} />
        </div>
        <Link href="/" className={classes.brand}>
          <Logo />
          <Text component="span" fw={650}>
            Campus backup
          </Text>
        </Link>
        <Account user={user} />
      </header>
      <aside className={classes.side}>
        <Navigation location={location} />
      </aside>
      <Drawer
        opened={menu}
        onClose={close}
        size={280}
        title="Menu"
        closeButtonProps={{ 'aria-label': 'Close the menu' }}
      >
        <Navigation location={location} onChoose={close} />
      </Drawer>
      <main className={classes.main} ref={main} tabIndex={-1} id="page">
        <Outcomes location={location} />
        <RunningTransfers location={location} />
        <Catcher key={location}>{page ? <LoadedPage key={page.path} page={page} /> : <NotFound />}</Catcher>
      </main>
      <SignInAgain user={user} opened={ended} />
    </div>
  );
}
