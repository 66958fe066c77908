import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import { ArchiveList } from '../src/pages/archives/ArchiveList';
import { DEFAULT_VIEW } from '../src/pages/archives/listing';
import { changeView } from '../src/pages/archives/listView';
import { show } from './page';
import { archive } from './sample';
import { answer, pageOf, refusal, sent } from './service';

const LIST = 'GET /backup/archives';

const listOf = (...items: ReturnType<typeof archive>[]) => ({ ...pageOf(items), unreadable: [] });

const OLD = archive('old', '27T13', { label: 'old', protected: true });
const ALL = listOf(archive('exams', '28T13', { label: 'exams' }), OLD);

beforeEach(() => {
  // The table keeps its view until the page is loaded again.
  changeView(DEFAULT_VIEW);
  // The service itself filters.
  answer(LIST, ({ query }) => {
    if (query.search === 'none') return listOf();
    return query.protected === 'true' ? listOf(OLD) : ALL;
  });
  answer('GET /accounts', pageOf([{ id: 1, username: 'admin', role: 'admin' }]));
  answer('GET /backup/schedules', pageOf([]));
  answer('GET /backup/destinations', pageOf([]));
});

const rows = () => screen.getAllByRole('row').slice(1);
const filters = () => screen.findByRole('region', { name: 'Filters' });

test('filters are counted, sent and kept in the address, and clearing them keeps the search', async () => {
  const user = show(<ArchiveList />, '/archives?search=school');
  await user.click(await screen.findByRole('button', { name: 'Filters' }));
  await user.click(within(await filters()).getByRole('checkbox', { name: 'Only protected backups' }));
  await user.selectOptions(within(await filters()).getByRole('combobox', { name: 'Check' }), 'Damaged');
  const button = await screen.findByRole('button', { name: 'Filters (2)' });
  expect(button.getAttribute('aria-expanded')).toBe('true');
  await waitFor(() => expect(rows().length).toBe(1));
  const wanted = { search: 'school', protected: 'true', verification: 'failed', offset: '0' };
  expect(sent(LIST).at(-1)?.query).toMatchObject(wanted);
  expect(location.hash).toBe('#/archives?search=school&check=failed&isProtected=true');
  await user.click(screen.getByRole('button', { name: 'Clear the filters' }));
  await waitFor(() => expect(rows().length).toBe(2));
  expect(location.hash).toBe('#/archives?search=school');
  screen.getByRole('button', { name: 'Filters' });
});

test('an address with filters opens them, and keeps the choice of a deleted user', async () => {
  show(<ArchiveList />, '/archives?creator=zoe');
  const creator = within(await filters()).getByRole('combobox', { name: 'Created by' });
  expect(creator).toHaveProperty('value', 'zoe');
  await within(creator).findByRole('option', { name: 'admin' });
  expect(creator).toHaveProperty('value', 'zoe');
  const names = within(creator)
    .getAllByRole('option')
    .map((option) => option.textContent);
  expect(names).toEqual(['Any', 'Schedule', 'admin', 'zoe']);
});

test('a search is sent once after the last key, and says that nothing matches', async () => {
  const user = show(<ArchiveList />, '/archives');
  await waitFor(() => expect(rows().length).toBe(2));
  await user.type(screen.getByRole('searchbox', { name: 'Search backups' }), 'none');
  await screen.findByText('No backup matches. Change the search or the filters.');
  expect(sent(LIST).map(({ query }) => query.search)).toEqual([undefined, 'none']);
  expect(screen.queryByText(/There is no backup yet/)).toBeNull();
});

test('a heading sorts, and again in the other direction', async () => {
  const user = show(<ArchiveList />, '/archives');
  const sortBy = async (name: string) => {
    await user.click(await screen.findByRole('button', { name }));
    return screen.getByRole('columnheader', { name }).getAttribute('aria-sort');
  };
  expect(await sortBy('Rows')).toBe('descending');
  expect(await sortBy('Rows')).toBe('ascending');
  expect(await sortBy('Name')).toBe('ascending');
  await waitFor(() => expect(sent(LIST).at(-1)?.query).toMatchObject({ sort: 'label', direction: 'asc' }));
});

test('selected backups stay selected behind a filter, and are counted', async () => {
  const user = show(<ArchiveList />, '/archives');
  await user.click(await screen.findByRole('checkbox', { name: /^Select exams/ }));
  const all = screen.getByRole('checkbox', { name: 'Select all backups of this page' });
  expect(all).toHaveProperty('indeterminate', true);
  await user.click(screen.getByRole('button', { name: 'Filters' }));
  await user.click(within(await filters()).getByRole('checkbox', { name: 'Only protected backups' }));
  await waitFor(() => expect(rows().length).toBe(1));
  screen.getByText(/1 backup selected/);
});

test('a list that can’t be loaded says so, and is loaded on request', async () => {
  answer(LIST, refusal(500, 'internal'));
  const user = show(<ArchiveList />, '/archives');
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('Ask the operator of this service to check the log.');
  expect(screen.queryByText(/There is no backup yet/)).toBeNull();
  answer(LIST, ALL);
  await user.click(within(alert).getByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
  expect(rows()).toHaveLength(2);
});
