import './styles';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { queries } from './api/queries';
import { lookUpPending } from './requests/pending';
import { followOtherTabs, resume } from './session/signIn';
import { refreshOnActivity } from './session/tokenRefresh';
import { App } from './shell/App';
import { useRoute } from './shell/address';
import { ErrorBoundary } from './shell/ErrorBoundary';
import { ignoreStrayFiles } from './shell/fileDrops';
import { keepFocus } from './shell/focus';
import { printInLight } from './shell/printInLight';
import { resolver, theme } from './theme';
import { warnBeforeLeaving } from './transfers/leaving';

refreshOnActivity();
followOtherTabs();
ignoreStrayFiles();
keepFocus();
printInLight();
warnBeforeLeaving();
lookUpPending();
resume();

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      {/* The build writes the theme's style sheet. The content security policy allows no other styles. */}
      <MantineProvider
        theme={theme}
        cssVariablesResolver={resolver}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <ErrorBoundary>
          <QueryClientProvider client={queries}>
            {/* Routes are behind `#`, so that they can't collide with the paths of the API in the same folder. */}
            <Router hook={useRoute}>
              <App />
            </Router>
          </QueryClientProvider>
        </ErrorBoundary>
      </MantineProvider>
    </StrictMode>,
  );
}
