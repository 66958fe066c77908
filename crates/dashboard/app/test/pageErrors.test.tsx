import { screen, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import { type ProblemDocument, ProblemError, ServiceUnreachable } from '../src/api/problem';
import { ProblemAlert } from '../src/components/ProblemAlert';
import type { Page } from '../src/pages/registry';
import { NotReceived } from '../src/requests/settle';
import { ErrorBoundary } from '../src/shell/ErrorBoundary';
import { LazyPage } from '../src/shell/LazyPage';
import { show } from './page';
import { answer, sent } from './service';

/** A page whose code is loaded by `load`. */
const page = (load: Page['load']): Page => ({ path: '/test', order: 0, label: 'Test', icon: 'info', load });

const loaded = { default: () => <h1>The page</h1> };
const START = 'GET /backup/';

function Broken(): never {
  throw new Error('undefined is not a function');
}

/** The start page of the service, with the name of its script. */
const startPage = (script: string) => () => new Response(`<script type="module" src="${script}"></script>`);

beforeEach(() => {
  document.head.innerHTML = '<script type="module" src="./assets/index-1.js"></script>';
  answer(START, startPage('./assets/index-1.js'));
});

test('a page whose code fails for a moment is shown without a problem', async () => {
  const load = vi.fn<Page['load']>().mockRejectedValueOnce(new TypeError()).mockResolvedValue(loaded);
  show(<LazyPage page={page(load)} />);
  screen.getByLabelText('Loading the page');
  await screen.findByRole('heading', { name: 'The page' });
  expect(load).toHaveBeenCalledTimes(2);
});

test('a page whose code does not arrive is loaded on request', async () => {
  const load = vi.fn<Page['load']>().mockRejectedValue(new TypeError());
  const user = show(<LazyPage page={page(load)} />);
  const alert = await screen.findByRole('alert', { name: 'This page can’t be loaded' });
  expect(load).toHaveBeenCalledTimes(3);
  within(alert).getByRole('button', { name: 'Reload the dashboard' });
  load.mockResolvedValue(loaded);
  await user.click(within(alert).getByRole('button', { name: 'Try again' }));
  await screen.findByRole('heading', { name: 'The page' });
  expect(screen.queryByRole('alert')).toBeNull();
});

test('after an upgrade of the service the page asks for a reload, and does not retry', async () => {
  answer(START, startPage('./assets/index-2.js'));
  const load = vi.fn<Page['load']>().mockRejectedValue(new TypeError());
  show(<LazyPage page={page(load)} />);
  const alert = await screen.findByRole('alert', { name: 'The service was upgraded' });
  expect(alert.textContent).toContain('You stay signed in.');
  expect(load).toHaveBeenCalledTimes(1);
  expect(sent(START)).toHaveLength(1);
});

test('an error of a component leaves no empty page', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  show(
    <ErrorBoundary>
      <Broken />
    </ErrorBoundary>,
  );
  const alert = within(screen.getByRole('main')).getByRole('alert', { name: 'This page has an error' });
  expect(alert.textContent).toContain('The school’s data and the backups are not affected.');
  expect(alert.textContent).toContain('quote undefined is not a function');
  within(alert).getByRole('button', { name: 'Reload the page' });
});

test('a refusal is shown in plain words, with the fields and the id of the request', () => {
  const problem = {
    code: 'malformed_body',
    status: 422,
    title: 'Unprocessable',
    detail: '`students.0` is no object.',
    errors: [{ field: 'students', detail: 'must be a list' }],
    request_id: 'request-7',
  } as ProblemDocument;
  show(<ProblemAlert error={new ProblemError(problem)} />);
  const alert = screen.getByRole('alert', { name: 'The service did not understand this page' });
  within(alert).getByText(/^The request was damaged on its way/);
  expect(within(alert).getByRole('listitem').textContent).toBe('Students: must be a list');
  // The message for programs is only for the operator.
  const quoted = [...alert.querySelectorAll('code')].map((each) => each.textContent);
  expect(quoted).toEqual(['`students.0` is no object.', 'request-7']);
});

test('a lost answer is never shown as a failure', () => {
  show(
    <>
      <ProblemAlert error={new NotReceived()} title="Nothing was deleted" />
      <ProblemAlert error={new ServiceUnreachable()} title="The list could not be loaded" />
    </>,
  );
  screen.getByRole('alert', { name: 'Not done yet' });
  expect(screen.queryByText('Nothing was deleted')).toBeNull();
  screen.getByRole('alert', { name: 'The list could not be loaded' });
});
