import { Badge, Menu, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type Destination, destinations, testDestination } from '../../api/destinations';
import { invalidate } from '../../api/queries';
import { ItemRow, ItemText } from '../../components/ItemList';
import { ProblemAlert } from '../../components/ProblemAlert';
import { TestResult } from '../../components/TestResult';
import { dateTimeZone } from '../../locale/format';
import { isolated } from '../../locale/language';
import { useUpdateItem } from '../../requests/itemRequests';
import { LookupNotice } from '../../requests/LookupNotice';
import type { DestinationDialogRequest } from './DestinationDialog';
import { copiesText, destinationState } from './destinationState';
import { KIND_NAMES, placeOf } from './place';
import { TESTING, testOutcome } from './testOutcome';

/** A destination: where it is, its copies, and its last failure. */
export function DestinationRow({
  destination,
  onSaved,
  openDialog,
}: {
  destination: Destination;
  onSaved: (text: string) => void;
  openDialog: (dialog: DestinationDialogRequest, from: Element | null) => void;
}) {
  const { id, name, url, endpoint, enabled, deletes, last_copied_at } = destination;
  const quoted = `“${isolated(name)}”`;
  const toggle = useUpdateItem(destinations, destination, (now) =>
    onSaved(`The destination ${quoted} is ${now.enabled ? 'enabled' : 'disabled'}.`),
  );
  const test = useMutation({
    mutationFn: async () => testOutcome(await testDestination(id)),
    onSettled: () => invalidate('destinations'),
  });
  const state = destinationState(destination);
  return (
    <ItemRow
      name={name}
      badges={
        <>
          <Badge variant="light" color={state.color}>
            {state.label}
          </Badge>
          {!deletes && (
            <Badge variant="light" color="gray">
              Keeps all copies
            </Badge>
          )}
        </>
      }
      actions={(button) => (
        <>
          <Menu.Item disabled={test.isPending} onClick={() => test.mutate()}>
            Test
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'edit', destination }, button.current)}>
            Edit…
          </Menu.Item>
          <Menu.Item disabled={toggle.isPending} onClick={() => toggle.mutate({ enabled: !enabled })}>
            {enabled ? 'Disable' : 'Enable'}
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'delete', destination }, button.current)}>
            Delete…
          </Menu.Item>
        </>
      )}
    >
      <ItemText>
        {KIND_NAMES[placeOf(url).kind]}: <bdi>{url}</bdi>
        {endpoint && (
          <>
            {' '}
            at <bdi>{endpoint}</bdi>
          </>
        )}
      </ItemText>
      <ItemText>
        {copiesText(destination)}.{last_copied_at && ` Last copied: ${dateTimeZone(last_copied_at)}.`}
      </ItemText>
      {enabled && <LastFailure destination={destination} />}
      {toggle.lookup && <LookupNotice name={`Change the destination ${quoted}`} lookup={toggle.lookup} />}
      {toggle.error && <ProblemAlert error={toggle.error} />}
      <TestResult test={test} {...TESTING} />
    </ItemRow>
  );
}

function LastFailure({ destination: { last_error, failing_since, retry_at } }: { destination: Destination }) {
  if (last_error === null) return null;
  return (
    <Text size="sm" c="var(--mantine-color-error)">
      {last_error}
      {failing_since && ` All attempts have failed since ${dateTimeZone(failing_since)}.`}
      {retry_at && ` Next attempt: ${dateTimeZone(retry_at)}.`}
    </Text>
  );
}
