import { Checkbox, PasswordInput, TextInput } from '@mantine/core';
import type { ComponentProps } from 'react';
import type { Destination } from '../../api/destinations';
import type { DestinationErrors } from './DestinationForm';
import type { DestinationValues } from './destinationValues';

/** The names of the inputs of each storage. */
const NAMES = {
  s3: { root: 'Bucket', accessKey: 'Access key', secret: 'Secret of the access key' },
  google: { root: 'Bucket', accessKey: undefined, secret: 'Key of the service account (JSON)' },
  azure: { root: 'Container', accessKey: 'Storage account', secret: 'Key of the storage account' },
};

/** An address, a name or a key, which is no text of a language. */
function CodeInput(props: ComponentProps<typeof TextInput>) {
  return <TextInput dir="ltr" autoComplete="off" autoCapitalize="none" spellCheck={false} {...props} />;
}

/** The inputs for the place of a destination, and for the access to it. */
export function PlaceFields({
  values,
  onChange,
  saved,
  errors,
}: {
  values: DestinationValues;
  onChange: (part: Partial<DestinationValues>) => void;
  saved: Destination | undefined;
  errors: DestinationErrors;
}) {
  const { kind, root, prefix, endpoint, region, accessKey, secret, removeSecret } = values;
  if (kind === 'folder') {
    return (
      <CodeInput
        label="Folder"
        description="The whole path on the server, such as /mnt/backup. The operator of this service allows folders."
        maxLength={900}
        value={root}
        onChange={(event) => onChange({ root: event.currentTarget.value })}
        error={errors.url}
      />
    );
  }
  const names = NAMES[kind];
  const hasSecret = saved?.has_secret ?? false;
  return (
    <>
      <CodeInput
        label={names.root}
        maxLength={255}
        value={root}
        onChange={(event) => onChange({ root: event.currentTarget.value })}
        error={errors.url}
      />
      <CodeInput
        label="Folder in it"
        description="Optional"
        maxLength={700}
        value={prefix}
        onChange={(event) => onChange({ prefix: event.currentTarget.value })}
      />
      {kind === 's3' && (
        <>
          <CodeInput
            label="Address"
            description="Optional, for a storage that is not Amazon’s, such as https://storage.example"
            maxLength={1000}
            value={endpoint}
            onChange={(event) => onChange({ endpoint: event.currentTarget.value })}
            error={errors.endpoint}
          />
          <CodeInput
            label="Region"
            description="Optional, such as eu-central-1"
            maxLength={64}
            value={region}
            onChange={(event) => onChange({ region: event.currentTarget.value })}
            error={errors.region}
          />
        </>
      )}
      {names.accessKey && !removeSecret && (
        <CodeInput
          label={names.accessKey}
          description="Optional. Without it, the service uses the credentials of its environment."
          maxLength={1000}
          value={accessKey}
          onChange={(event) => onChange({ accessKey: event.currentTarget.value })}
          error={errors.access_key_id}
        />
      )}
      {!removeSecret && (
        <PasswordInput
          label={names.secret}
          description={
            hasSecret
              ? 'A secret is stored. Leave this empty to keep it.'
              : 'It is stored encrypted and never shown.'
          }
          autoComplete="new-password"
          maxLength={16_384}
          value={secret}
          onChange={(event) => onChange({ secret: event.currentTarget.value })}
          error={errors.secret_access_key}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the secret', tabIndex: 0 }}
        />
      )}
      {hasSecret && (
        <Checkbox
          label="Remove the stored secret"
          description="The service then uses the credentials of its environment."
          checked={removeSecret}
          onChange={(event) => onChange({ removeSecret: event.currentTarget.checked, secret: '' })}
        />
      )}
    </>
  );
}
