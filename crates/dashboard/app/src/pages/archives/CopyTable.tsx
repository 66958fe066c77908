import { Badge, Table, Text, Title } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { Panel } from '../../components/Panel';
import { dateTime } from '../../locale/format';
import classes from './Archives.module.css';

type Copy = Archive['copies'][number];

const STATES: Record<Copy['state'], { label: string; color: 'green' | 'red' | 'gray' | 'yellow' }> = {
  pending: { label: 'Queued', color: 'gray' },
  copied: { label: 'Copied', color: 'green' },
  failed: { label: 'Failed', color: 'red' },
  deleting: { label: 'Deleting', color: 'gray' },
  retained: { label: 'Can’t be deleted', color: 'yellow' },
};

/** The copies of a backup in the destinations. */
export function CopyTable({ copies }: { copies: Archive['copies'] }) {
  return (
    <Panel label="Copies">
      <Title order={2} size="h4" mb="sm">
        Copies in destinations
      </Title>
      {copies.length === 0 ? (
        <Text size="sm">
          There is no copy of this backup. If the backup storage is lost, this backup is lost, too.
        </Text>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
        <section className={classes.tables} tabIndex={0} aria-label="Copies of this backup">
          <Table verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Destination</Table.Th>
                <Table.Th scope="col">State</Table.Th>
                <Table.Th scope="col">Copied</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {copies.map(({ destination_id, name, state, copied_at, error }) => (
                <Table.Tr key={destination_id}>
                  <Table.Th scope="row">
                    <bdi>{name}</bdi>
                  </Table.Th>
                  <Table.Td>
                    <Badge variant="light" color={STATES[state].color}>
                      {STATES[state].label}
                    </Badge>{' '}
                    {error}
                  </Table.Td>
                  <Table.Td>{copied_at ? dateTime(copied_at) : 'Not yet'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      )}
    </Panel>
  );
}
