import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Schedule } from '../src/api/schedules';
import Schedules from '../src/pages/schedules/Schedules';
import { show } from './page';
import { answer, json, pageOf, refusal, sent } from './service';

const NIGHTLY: Schedule = {
  id: 7,
  name: 'Every night',
  cron: '0 2 * * *',
  timezone: 'Asia/Kolkata',
  enabled: true,
  verify: 'digest',
  label: null,
  preset: 'daily',
  next_runs: [],
  last_run: null,
  created_at: '2026-11-01T00:00:00Z',
  created_by: 'admin',
  updated_at: '2026-11-01T00:00:00Z',
};

// A select with all time zones is slow without a browser.
vi.spyOn(Intl, 'supportedValuesOf').mockReturnValue(['Asia/Kolkata', 'Europe/Berlin']);

beforeEach(() => answer('GET /backup/schedules', pageOf([NIGHTLY])));

const field = (name: string, description?: RegExp) =>
  screen.getByRole('textbox', { name, ...(description && { description }) });
const minute = (description?: RegExp) =>
  screen.getByRole('spinbutton', { name: 'Minute', ...(description && { description }) });

/** Opens the dialog to edit the schedule with the keyboard. */
async function openEdit() {
  const user = show(<Schedules />);
  const menu = await screen.findByRole('button', { name: 'Actions for Every night' });
  menu.focus();
  await user.keyboard('{Enter}');
  await user.click(await screen.findByRole('menuitem', { name: 'Edit…' }));
  return { user, menu, dialog: await screen.findByRole('dialog', { name: 'Edit the schedule' }) };
}

test('each incomplete field has its error, the first one gets the focus, and nothing is sent', async () => {
  const user = show(<Schedules />, '/schedules/new');
  const dialog = await screen.findByRole('dialog', { name: 'Create a schedule' });
  await user.selectOptions(screen.getByRole('combobox', { name: 'How often' }), 'Every hour');
  await user.clear(minute());
  await user.type(minute(), '75{Enter}');
  minute(/Enter a minute from 0 to 59\./);
  const name = field('Name', /Enter a name\./);
  expect(document.activeElement).toBe(name);
  await user.clear(minute());
  await user.type(minute(), '15{Enter}');
  expect(within(dialog).queryByText(/Enter a minute/)).toBeNull();
  expect(document.activeElement).toBe(name);
  expect(sent('POST /backup/schedules')).toEqual([]);
  answer('POST /backup/schedules', json({ ...NIGHTLY, name: 'Each hour' }, 201));
  await user.type(name, ' Each hour {Enter}');
  await screen.findByText('The schedule “\u2068Each hour\u2069” was created.');
  const bodies = sent('POST /backup/schedules').map(({ body }) => body);
  expect(bodies).toEqual([{ name: 'Each hour', cron: '15 * * * *', label: null, verify: 'digest' }]);
});

test('a refusal of the service is shown at its field, and the inputs stay', async () => {
  const user = show(<Schedules />, '/schedules/new');
  const dialog = await screen.findByRole('dialog', { name: 'Create a schedule' });
  answer('POST /backup/schedules', refusal(409, 'schedule_name_taken'));
  await user.type(field('Name'), 'Every night{Enter}');
  const name = await screen.findByRole('textbox', {
    name: 'Name',
    description: /Another schedule has this name\./,
  });
  expect(document.activeElement).toBe(name);
  expect(name).toHaveProperty('value', 'Every night');
  expect(within(dialog).queryByRole('alert')).toBeNull();
});

test('a cron expression is shown in words, as far as it can be read', async () => {
  const user = show(<Schedules />, '/schedules/new');
  await user.selectOptions(await screen.findByRole('combobox', { name: 'How often' }), 'Every week');
  const cronChoice = 'Other times (cron expression)';
  await user.selectOptions(screen.getByRole('combobox', { name: 'How often' }), cronChoice);
  const cron = field('Cron expression');
  expect(cron).toHaveProperty('value', '0 2 * * 0');
  screen.getByText('At 02:00, only on Sunday');
  await user.clear(cron);
  // The service knows five fields only.
  await user.type(cron, '0 30 2 * * *');
  screen.getByText('These times can’t be shown in words.');
});

test('an edit sends the changed fields only, and closes to the menu that opened it', async () => {
  const { user, menu, dialog } = await openEdit();
  answer('PATCH /backup/schedules/7', { ...NIGHTLY, verify: 'test_restore' });
  await user.click(within(dialog).getByRole('radio', { name: 'Test restore' }));
  await user.click(within(dialog).getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(sent('PATCH /backup/schedules/7').map(({ body }) => body)).toEqual([{ verify: 'test_restore' }]);
  expect(document.activeElement).toBe(menu);
});

test('an edit without a change sends nothing, and Escape discards the inputs', async () => {
  const { user, menu } = await openEdit();
  await user.clear(field('Name'));
  await user.keyboard('{Escape}');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(document.activeElement).toBe(menu);
  await user.keyboard('{Enter}');
  await user.click(await screen.findByRole('menuitem', { name: 'Edit…' }));
  await user.click(await screen.findByRole('button', { name: 'Save' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(sent('PATCH /backup/schedules/7')).toEqual([]);
  expect(screen.queryByText(/was changed/)).toBeNull();
});
