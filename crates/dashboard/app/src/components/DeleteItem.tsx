import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ItemApi, NamedItem } from '../api/items';
import { isolated } from '../locale/language';
import { useDeleteItem } from '../requests/itemRequests';
import { FormActions } from './FormActions';
import type { FormEnd } from './SavingDialog';

/** Deletes a setting after a confirmation. */
export function DeleteItem<T extends NamedItem, C extends { name: string }, P extends object>({
  api,
  item,
  children,
  onDone,
  onCancel,
}: FormEnd & {
  api: ItemApi<T, C, P>;
  item: T;
  /** The effects of the deletion, as text. */
  children: ReactNode;
}) {
  const deletion = useDeleteItem(api, item, () =>
    onDone(`The ${api.noun} “${isolated(item.name)}” was deleted.`),
  );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!deletion.isPending) deletion.mutate(null);
      }}
    >
      <Stack>
        <Text>
          The {api.noun} “<bdi>{item.name}</bdi>” is deleted permanently. {children}
        </Text>
        <FormActions
          request={deletion}
          name={`Delete the ${api.noun}`}
          failed={`The ${api.noun} was not deleted`}
          action="Delete"
          isDangerous
          onCancel={onCancel}
        />
      </Stack>
    </form>
  );
}
