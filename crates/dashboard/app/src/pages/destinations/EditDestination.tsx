import { Text } from '@mantine/core';
import { useState } from 'react';
import { type Destination, destinations } from '../../api/destinations';
import { Notice } from '../../components/Notice';
import type { FormEnd } from '../../components/SavingDialog';
import { isolated } from '../../locale/language';
import { useUpdateItem } from '../../requests/itemRequests';
import { DestinationForm } from './DestinationForm';
import { EMPTY_VALUES, updateRequest } from './destinationValues';
import { placeOf } from './place';

/** Changes a destination. Its kind stays, because another kind is another destination. */
export function EditDestination({ destination, onDone, onCancel }: FormEnd & { destination: Destination }) {
  const [values, setValues] = useState({
    ...EMPTY_VALUES,
    ...placeOf(destination.url),
    name: destination.name,
    endpoint: destination.endpoint ?? '',
    region: destination.region ?? '',
    accessKey: destination.access_key_id ?? '',
    deletes: destination.deletes,
  });
  const update = useUpdateItem(destinations, destination, ({ name }) =>
    onDone(`The destination “${isolated(name)}” was changed.`),
  );
  const patch = updateRequest(destination, values);
  const isMoved = 'url' in patch || 'endpoint' in patch;
  return (
    <DestinationForm
      values={values}
      onChange={setValues}
      saved={destination}
      request={update}
      error={update.error}
      name="Edit the destination"
      action="Save"
      onSubmit={() => (Object.keys(patch).length === 0 ? onCancel() : update.mutate(patch))}
      onCancel={onCancel}
      result={
        isMoved && (
          <Notice kind="warning" role="status" title="This is another place">
            <Text size="sm">
              All backups are copied again. The copies in the former place stay there, and the service no
              longer deletes them.
            </Text>
          </Notice>
        )
      }
    />
  );
}
