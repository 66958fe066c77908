// The choices of the filters. They are loaded when the filters are opened.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { listAccounts } from '../../api/accounts';
import { destinations } from '../../api/destinations';
import type { ReadPage } from '../../api/pages';
import { schedules } from '../../api/schedules';
import { creatorName, SCHEDULER } from './listing';

/** The most choices of one filter. */
const MAX_CHOICES = 100;

export interface Choice {
  value: string;
  label: string;
}

export interface FilterChoices {
  creators: Choice[];
  schedules: Choice[];
  destinations: Choice[];
}

const choices = <T>(name: string, read: ReadPage<T>, choice: (item: T) => Choice) =>
  queryOptions({
    queryKey: ['archives', 'choices', name],
    queryFn: async ({ signal }) => {
      const { items } = await read({ limit: MAX_CHOICES, offset: 0 }, signal);
      return items.map(choice);
    },
  });

const named = ({ id, name }: { id: number; name: string }): Choice => ({ value: String(id), label: name });

const creators = choices(
  'creators',
  (query, signal) => listAccounts({ ...query, role: 'admin' }, signal),
  ({ username }) => ({ value: username, label: username }),
);
const scheduleChoices = choices('schedules', schedules.list, named);
const destinationChoices = choices('destinations', destinations.list, named);

/** The choices of the filters. An open filter without its choices can still be reset. */
export function useFilterChoices(enabled: boolean): FilterChoices {
  const { data: users = [] } = useQuery({ ...creators, enabled });
  const { data: ofSchedules = [] } = useQuery({ ...scheduleChoices, enabled });
  const { data: ofDestinations = [] } = useQuery({ ...destinationChoices, enabled });
  return {
    creators: [{ value: SCHEDULER, label: creatorName(SCHEDULER) }, ...users],
    schedules: ofSchedules,
    destinations: ofDestinations,
  };
}

/** The choices with the current value, which may be of a deleted account, schedule or destination. */
export function withCurrent(choices: readonly Choice[], value: string): readonly Choice[] {
  if (value === '' || choices.some((each) => each.value === value)) return choices;
  return [...choices, { value, label: value }];
}
