import { Stack, Text } from '@mantine/core';
import { FormActions } from '../../components/FormActions';
import { TURN_OFF, useTurnOff } from './retentionRequests';

export function TurnOff({ onDone, onCancel }: { onDone: () => void; onCancel: () => void }) {
  const off = useTurnOff(onDone);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!off.isPending) off.mutate(null);
      }}
    >
      <Stack>
        <Text>
          The policy is deleted. All backups stay from now on, until the storage is full or a person deletes
          them. If backups are being deleted now, that stops.
        </Text>
        <FormActions
          request={off}
          name={TURN_OFF}
          failed="Retention was not turned off"
          action="Turn off"
          isDangerous
          onCancel={onCancel}
        />
      </Stack>
    </form>
  );
}
