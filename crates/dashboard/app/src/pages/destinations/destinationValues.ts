import type { CreateDestination, Destination, UpdateDestination } from '../../api/destinations';
import { changedFields } from '../../components/changedFields';
import { editedUrl, type Place, urlOf } from './place';

/** The inputs of the form. An empty text is no value. */
export interface DestinationValues extends Place {
  name: string;
  endpoint: string;
  region: string;
  accessKey: string;
  /** Only a new secret: the stored one is never shown. */
  secret: string;
  /** Whether the stored secret, and its access key, are removed. */
  removeSecret: boolean;
  deletes: boolean;
}

export const EMPTY_VALUES: DestinationValues = {
  kind: 'folder',
  name: '',
  root: '',
  prefix: '',
  endpoint: '',
  region: '',
  accessKey: '',
  secret: '',
  removeSecret: false,
  deletes: true,
};

const orNull = (text: string): string | null => text.trim() || null;

/** The values that the kind of the place has. */
function shared(values: DestinationValues) {
  const isS3 = values.kind === 's3';
  const hasAccessKey = (isS3 || values.kind === 'azure') && !values.removeSecret;
  return {
    name: values.name.trim(),
    endpoint: isS3 ? orNull(values.endpoint) : null,
    region: isS3 ? orNull(values.region) : null,
    access_key_id: hasAccessKey ? orNull(values.accessKey) : null,
    deletes: values.deletes,
  };
}

export function createRequest(values: DestinationValues): CreateDestination {
  return {
    ...shared(values),
    url: urlOf(values),
    secret_access_key: values.kind === 'folder' ? null : orNull(values.secret),
  };
}

/** The changed values of a destination. The secret is sent only if there is a new one, or if it is removed. */
export function updateRequest(before: Destination, values: DestinationValues): UpdateDestination {
  const { name, endpoint, region, access_key_id, deletes, url } = before;
  const after: UpdateDestination = { ...shared(values), url: editedUrl(url, values) };
  const changed = changedFields<UpdateDestination>(
    { name, endpoint, region, access_key_id, deletes, url },
    after,
  );
  if (values.removeSecret && before.has_secret) return { ...changed, secret_access_key: null };
  return values.secret.trim() ? { ...changed, secret_access_key: values.secret.trim() } : changed;
}
