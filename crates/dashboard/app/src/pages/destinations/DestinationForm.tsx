import { Checkbox, Radio, Stack, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Destination } from '../../api/destinations';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import type { LookupState } from '../../requests/settle';
import type { DestinationValues } from './destinationValues';
import { PlaceFields } from './PlaceFields';
import { KIND_NAMES, type PlaceKind } from './place';

const LABELS = {
  name: 'The name',
  url: 'The place',
  endpoint: 'The address',
  region: 'The region',
  access_key_id: 'The access key',
  secret_access_key: 'The secret',
};

export type DestinationErrors = Partial<Record<keyof typeof LABELS, string>>;

export function DestinationForm({
  values,
  onChange,
  saved,
  request,
  error,
  name,
  action,
  onSubmit,
  onCancel,
  result,
  children,
}: {
  values: DestinationValues;
  onChange: (values: DestinationValues) => void;
  /** The destination that is edited. */
  saved?: Destination;
  request: { isPending: boolean; lookup: LookupState | undefined; error: Error | null };
  error: unknown;
  name: string;
  action: string;
  onSubmit: () => void;
  onCancel: () => void;
  /** Content above the buttons. */
  result?: ReactNode;
  /** Other buttons. */
  children?: ReactNode;
}) {
  const [problems, setProblems] = useState<DestinationErrors>();
  const { fields, rest } = fieldErrors(error, LABELS);
  const errors = { ...fields, ...problems };
  const form = useInvalidFocus(problems ?? error);
  const set = (part: Partial<DestinationValues>) => onChange({ ...values, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (request.isPending) return;
    const isNamed = values.name.trim() !== '';
    const isPlaced = values.root.trim() !== '';
    if (isNamed && isPlaced) {
      setProblems(undefined);
      onSubmit();
    } else {
      setProblems({
        ...(!isNamed && { name: 'Enter a name.' }),
        ...(!isPlaced && {
          url: values.kind === 'folder' ? 'Enter a folder.' : 'Enter the name of the storage.',
        }),
      });
    }
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="Name"
          description="For example “Cloud of the district”"
          maxLength={100}
          required
          withAsterisk={false}
          value={values.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          error={errors.name}
          data-autofocus
        />
        {!saved && (
          <Radio.Group label="Kind" value={values.kind} onChange={(kind) => set({ kind: kind as PlaceKind })}>
            <Stack gap="xs" mt="xs">
              {Object.entries(KIND_NAMES).map(([kind, label]) => (
                <Radio key={kind} value={kind} label={label} />
              ))}
            </Stack>
          </Radio.Group>
        )}
        <PlaceFields values={values} onChange={set} saved={saved} errors={errors} />
        <Checkbox
          label="Delete a copy when its backup is deleted"
          description="Otherwise the copies stay, and the destination grows."
          checked={values.deletes}
          onChange={(event) => set({ deletes: event.currentTarget.checked })}
        />
        {result}
        <FormActions request={request} name={name} error={rest} action={action} onCancel={onCancel}>
          {children}
        </FormActions>
      </Stack>
    </form>
  );
}
