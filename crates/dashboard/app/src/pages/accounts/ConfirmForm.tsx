import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { FormActions } from '../../components/FormActions';
import type { LookupState } from '../../requests/settle';

/** Asks before an account loses something. */
export function ConfirmForm({
  request,
  name,
  failed,
  action,
  onConfirm,
  onCancel,
  children,
}: {
  request: { isPending: boolean; lookup: LookupState | undefined; error: Error | null };
  name: string;
  /** The title of an error. */
  failed: string;
  action: string;
  onConfirm: () => void;
  onCancel: () => void;
  /** The effects of the change, as text. */
  children: ReactNode;
}) {
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!request.isPending) onConfirm();
      }}
    >
      <Stack>
        <Text>{children}</Text>
        <FormActions
          request={request}
          name={name}
          failed={failed}
          action={action}
          isDangerous
          onCancel={onCancel}
        />
      </Stack>
    </form>
  );
}
