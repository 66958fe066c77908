// Shows a part of the dashboard as its page does.
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach } from 'vitest';
import { Router } from 'wouter';
import { queries } from '../src/api/queries';
import { forgetAll } from '../src/requests/store';
import { begin } from '../src/session/store';
import { useRoute } from '../src/shell/address';
import { resolver, theme } from '../src/theme';

const ADMIN = { id: 1, username: 'admin', email: null, role: 'admin', issuer: null } as const;

// A busy machine needs longer than the default of a second.
configure({ asyncUtilTimeout: 10_000 });

// A retry after a failure needs no pause here.
const { queries: defaults, ...others } = queries.getDefaultOptions();
queries.setDefaultOptions({ ...others, queries: { ...defaults, retryDelay: 0 } });

afterEach(() => {
  cleanup();
  queries.clear();
  forgetAll();
  localStorage.clear();
  history.replaceState(null, '', '#/');
});

/** Shows a component to a signed-in administrator, and returns the user of its keyboard and mouse. */
export function show(component: ReactNode, route = '/') {
  history.replaceState(null, '', `#${route}`);
  begin('token', ADMIN, 900);
  render(
    <MantineProvider theme={theme} cssVariablesResolver={resolver} env="test">
      <QueryClientProvider client={queries}>
        <Router hook={useRoute}>{component}</Router>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return userEvent.setup({ delay: null });
}
