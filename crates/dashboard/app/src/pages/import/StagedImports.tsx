import { Button, Group, Text, Title } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import { nameOf } from '../../api/tables';
import classes from '../../components/ItemList.module.css';
import { dateTime } from '../../locale/format';
import { current, ofUser, subscribe } from '../../transfers/stagedImports';
import { DiscardButton } from './DiscardButton';
import { countsText } from './plan';

/** The plans that this browser has made and that were not applied. */
export function StagedImports() {
  const plans = ofUser(useSyncExternalStore(subscribe, current));
  if (plans.length === 0) return null;
  return (
    <section aria-labelledby="staged">
      <Title order={2} size="h4" id="staged" mb="sm">
        Not applied yet
      </Title>
      <ul className={classes.list}>
        {plans.map(({ id, fileName, request, rows, createdAt, expiresAt }) => {
          const name = fileName ?? 'File without a name';
          return (
            <li key={id} className={classes.item} data-wraps>
              <div className={classes.text}>
                <Text fw={550}>
                  <bdi>{name}</bdi>, {nameOf(request.table).toLowerCase()}
                </Text>
                <Text size="sm" c="dimmed">
                  {countsText(rows)}. Sent on {dateTime(createdAt)}, can be applied until{' '}
                  {dateTime(expiresAt)}.
                </Text>
              </div>
              <Group gap="xs">
                <Button
                  component={Link}
                  href={`/import/${id}`}
                  size="xs"
                  variant="light"
                  aria-label={`Show the plan of ${name}`}
                >
                  Show the plan
                </Button>
                <DiscardButton id={id} name={name} size="xs" />
              </Group>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
