import { Burger, Drawer, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { ActivityButton } from '../activity/ActivityButton';
import { PaletteButton } from '../palette/PaletteButton';
import { StatusArea } from '../requests/StatusArea';
import { SignInAgain } from '../session/SignInAgain';
import type { User } from '../session/store';
import { AccountMenu } from './AccountMenu';
import { ErrorBoundary } from './ErrorBoundary';
import { moveFocus } from './focus';
import classes from './Layout.module.css';
import { LazyPage } from './LazyPage';
import { Logo } from './Logo';
import { Navigation } from './Navigation';
import { NotFound } from './NotFound';
import { currentPage } from './pages';
import { RunningTransfers } from './RunningTransfers';

/** The header, the navigation and the status area around every page. */
export function Layout({ user, ended }: { user: User; ended: boolean }) {
  const [menu, { toggle, close }] = useDisclosure(false);
  const [location] = useLocation();
  const page = currentPage(location);
  const label = page?.label ?? 'Not found';
  const main = useRef<HTMLElement>(null);
  const before = useRef(location);

  useEffect(() => {
    if (before.current === location) return;
    before.current = location;
    // Moves the focus to the new page, as a page load does. Keyboards and screen readers need that.
    moveFocus(main.current);
    window.scrollTo(0, 0);
  }, [location]);

  return (
    <div className={classes.layout}>
      <button type="button" className={classes.skip} onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header className={classes.header}>
        <div className={classes.burger}>
          <Burger opened={menu} onClick={toggle} size="sm" aria-label="Menu" aria-expanded={menu} />
        </div>
        <Link href="/" className={classes.brand}>
          <Logo />
          <Text component="span" fw={650} className={classes.brandName}>
            Campus backup
          </Text>
        </Link>
        <PaletteButton />
        <ActivityButton title={label} />
        <AccountMenu user={user} />
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
        <StatusArea location={location} />
        <RunningTransfers location={location} />
        <ErrorBoundary key={location}>
          {page ? <LazyPage key={page.path} page={page} /> : <NotFound />}
        </ErrorBoundary>
      </main>
      <SignInAgain user={user} opened={ended} />
    </div>
  );
}
