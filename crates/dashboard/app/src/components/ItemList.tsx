import { ActionIcon, Menu, Skeleton, Stack, Text } from '@mantine/core';
import { type ReactNode, type RefObject, useRef } from 'react';
import type { LoadedList } from '../api/pages';
import { Icon } from './Icon';
import classes from './ItemList.module.css';
import { LoadMore } from './LoadMore';
import { ProblemAlert } from './ProblemAlert';

/** A list that is loaded page by page, with its empty state, its errors and its number of items. */
export function ItemList<T extends { id: number }>({
  list,
  one,
  other,
  empty,
  children,
}: {
  list: LoadedList<T>;
  /** The nouns, such as `schedule` and `schedules`. */
  one: string;
  other: string;
  /** The text in place of an empty list. */
  empty: ReactNode;
  children: (item: T) => ReactNode;
}) {
  const { items, error, refetch } = list;
  return (
    <Stack gap="md">
      {error && (
        <ProblemAlert
          error={error}
          title={items ? `The ${other} could not be refreshed` : `The ${other} could not be loaded`}
          again={{ label: 'Try again', act: () => refetch() }}
        />
      )}
      {!items && !error && <Skeleton height="8rem" aria-label="Loading the list" />}
      {items?.length === 0 && <Text>{empty}</Text>}
      {items && items.length > 0 && <ul className={classes.list}>{items.map(children)}</ul>}
      <LoadMore list={list} one={one} other={other} />
    </Stack>
  );
}

/** One item: its name, its state, and the menu of its actions. */
export function ItemRow({
  name,
  badges,
  children,
  actions,
}: {
  name: string;
  badges?: ReactNode;
  children: ReactNode;
  /** The items of the menu. A dialog returns the focus to the menu's button. */
  actions: (button: RefObject<HTMLButtonElement | null>) => ReactNode;
}) {
  const button = useRef<HTMLButtonElement>(null);
  return (
    <li className={classes.item}>
      <div className={classes.text}>
        <div className={classes.head}>
          <Text fw={550}>
            <bdi>{name}</bdi>
          </Text>
          {badges}
        </div>
        {children}
      </div>
      <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon ref={button} variant="default" size="lg" aria-label={`Actions for ${name}`}>
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>{actions(button)}</Menu.Dropdown>
      </Menu>
    </li>
  );
}

/** The second line of an item. */
export function ItemText({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}
