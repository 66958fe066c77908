import { Button, Checkbox, Group, Menu, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { MAX_SEARCH } from '../../api/archiveList';
import { Icon } from '../../components/Icon';
import { KINDS } from '../../components/kinds';
import { Panel } from '../../components/Panel';
import { SEARCH_DELAY } from '../../components/useArchiveSearch';
import classes from './Archives.module.css';
import { COLUMNS, type Column } from './columns';
import { type Choice, useFilterChoices, withCurrent } from './filterChoices';
import { activeFilters, CHECKS, type Filter, NO_FILTER, ORIGIN_NAMES } from './listing';
import { changeView } from './listView';

interface Props {
  filter: Filter;
  columns: readonly Column[];
  onColumns: (ids: string[]) => void;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}

/** The search, the filters and the choice of columns. */
export function ListControls({ filter, columns, onColumns, isOpen, onOpen }: Props) {
  const choices = useFilterChoices(isOpen);
  const set = (change: Partial<Filter>) => changeView({ filter: { ...filter, ...change } });
  const active = activeFilters(filter);
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <SearchInput value={filter.search} onChange={(search) => set({ search })} />
        <Button
          variant="default"
          aria-expanded={isOpen}
          aria-controls="filters"
          onClick={() => onOpen(!isOpen)}
        >
          {active > 0 ? `Filters (${active})` : 'Filters'}
        </Button>
        <Menu position="bottom-end" withinPortal={false} closeOnItemClick={false}>
          <Menu.Target>
            <Button variant="default">Columns</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.CheckboxGroup value={columns.map(({ id }) => id)} onChange={onColumns}>
              {COLUMNS.map(({ id, heading }) => (
                <Menu.CheckboxItem key={id} value={id}>
                  {heading}
                </Menu.CheckboxItem>
              ))}
            </Menu.CheckboxGroup>
          </Menu.Dropdown>
        </Menu>
      </Group>
      {isOpen && (
        <div id="filters">
          <Panel label="Filters">
            <Group align="flex-end" gap="md">
              <FilterSelect
                label="Kind"
                value={filter.kind}
                onChange={(kind) => set({ kind: kind as Filter['kind'] })}
                options={optionsOf(KINDS)}
              />
              <FilterSelect
                label="Check"
                value={filter.check}
                onChange={(check) => set({ check: check as Filter['check'] })}
                options={optionsOf(CHECKS)}
              />
              <FilterSelect
                label="Origin"
                value={filter.origin}
                onChange={(origin) => set({ origin: origin as Filter['origin'] })}
                options={optionsOf(ORIGIN_NAMES)}
              />
              <FilterSelect
                label="Created by"
                value={filter.creator}
                onChange={(creator) => set({ creator })}
                options={withCurrent(choices.creators, filter.creator)}
              />
              {withCurrent(choices.schedules, filter.schedule).length > 0 && (
                <FilterSelect
                  label="Schedule"
                  value={filter.schedule}
                  onChange={(schedule) => set({ schedule })}
                  options={withCurrent(choices.schedules, filter.schedule)}
                />
              )}
              {withCurrent(choices.destinations, filter.destination).length > 0 && (
                <FilterSelect
                  label="Copy in"
                  value={filter.destination}
                  onChange={(destination) => set({ destination })}
                  options={withCurrent(choices.destinations, filter.destination)}
                />
              )}
              <Stack gap="xs">
                <Checkbox
                  label="Only protected backups"
                  checked={filter.isProtected}
                  onChange={(event) => set({ isProtected: event.currentTarget.checked })}
                />
                <Checkbox
                  label="Only suspicious backups"
                  checked={filter.isSuspicious}
                  onChange={(event) => set({ isSuspicious: event.currentTarget.checked })}
                />
              </Stack>
              <Button
                variant="default"
                leftSection={<Icon name="close" size={16} />}
                onClick={() => set({ ...NO_FILTER, search: filter.search })}
              >
                Clear the filters
              </Button>
            </Group>
          </Panel>
        </div>
      )}
    </Stack>
  );
}

/** The search as it is typed. The list follows after a pause. */
function SearchInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const search = useDebouncedCallback(onChange, SEARCH_DELAY);
  // The address or another control has changed it.
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      type="search"
      label="Search backups"
      placeholder="Name, note, user or date"
      className={classes.search}
      maxLength={MAX_SEARCH}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        search(event.currentTarget.value);
      }}
    />
  );
}

const optionsOf = (names: Readonly<Record<string, string>>): Choice[] =>
  Object.entries(names).map(([value, label]) => ({ value, label }));

function FilterSelect({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly Choice[];
}) {
  return (
    <NativeSelect
      label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data={[{ value: '', label: 'Any' }, ...options]}
    />
  );
}
