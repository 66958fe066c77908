// Where a destination is: an address for the service, a kind and inputs for people.

export type PlaceKind = 'folder' | 's3' | 'google' | 'azure';

export interface Place {
  kind: PlaceKind;
  /** The path of a folder, or the name of a bucket or container. */
  root: string;
  /** The folder in the bucket or container. Empty for none. */
  prefix: string;
}

export const KIND_NAMES: Record<PlaceKind, string> = {
  folder: 'Folder or network disk',
  s3: 'Amazon S3 or compatible',
  google: 'Google Cloud Storage',
  azure: 'Azure Blob Storage',
};

const SCHEMES: Record<Exclude<PlaceKind, 'folder'>, string> = {
  s3: 's3://',
  google: 'gs://',
  azure: 'az://',
};

export function urlOf({ kind, root, prefix }: Place): string {
  const trimmed = root.trim();
  if (kind === 'folder') return `file:/${trimmed.replace(/^\/+/, '')}`;
  const folder = prefix.trim().replace(/^\/+|\/+$/g, '');
  return `${SCHEMES[kind]}${trimmed}${folder && `/${folder}`}`;
}

export function placeOf(url: string): Place {
  for (const [kind, scheme] of Object.entries(SCHEMES) as [PlaceKind, string][]) {
    if (!url.startsWith(scheme)) continue;
    const [root = '', ...folders] = url.slice(scheme.length).split('/');
    return { kind, root, prefix: folders.join('/') };
  }
  return { kind: 'folder', root: `/${url.replace(/^file:\/*/, '')}`, prefix: '' };
}

/** The address of an edited place. An unchanged place keeps its address, however it is written. */
export function editedUrl(url: string, place: Place): string {
  return urlOf(place) === urlOf(placeOf(url)) ? url : urlOf(place);
}
