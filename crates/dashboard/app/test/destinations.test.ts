// The place of a destination, its state, and what a form sends.
import { expect, test } from 'vitest';
import type { Destination } from '../src/api/destinations';
import { copiesText, destinationState } from '../src/pages/destinations/destinationState';
import { createRequest, EMPTY_VALUES, updateRequest } from '../src/pages/destinations/destinationValues';
import { editedUrl, placeOf, urlOf } from '../src/pages/destinations/place';

const COPIES = { copied: 3, pending: 0, failed: 0, deleting: 0, retained: 0 };
const CLOUD = {
  name: 'Cloud',
  url: 's3://school/backups',
  endpoint: null,
  region: 'eu-central-1',
  access_key_id: 'AKIA',
  has_secret: true,
  deletes: true,
  enabled: true,
  failing_since: null,
  copies: COPIES,
} as Destination;
const VALUES = {
  ...EMPTY_VALUES,
  ...placeOf(CLOUD.url),
  name: 'Cloud',
  region: 'eu-central-1',
  accessKey: 'AKIA',
};

test.each(['file:/mnt/nas', 's3://school/a/b', 's3://school', 'gs://school/x', 'az://container/x'])(
  'the address %s stays the same in the form',
  (url) => {
    expect(urlOf(placeOf(url))).toBe(url);
    expect(editedUrl(url, placeOf(url))).toBe(url);
  },
);

test('an address that is written another way is not a new place', () => {
  expect(editedUrl('file:///mnt/nas', placeOf('file:///mnt/nas'))).toBe('file:///mnt/nas');
  expect(editedUrl('s3://school/x/', placeOf('s3://school/x/'))).toBe('s3://school/x/');
});

test('a kind sends only the values that it has', () => {
  const folder = {
    ...EMPTY_VALUES,
    name: ' Disk ',
    root: '/mnt/disk',
    region: 'x',
    accessKey: 'y',
    secret: 'z',
  };
  expect(createRequest(folder)).toEqual({
    name: 'Disk',
    url: 'file:/mnt/disk',
    endpoint: null,
    region: null,
    access_key_id: null,
    secret_access_key: null,
    deletes: true,
  });
});

test('an edit sends only changed values, and the secret only if it is new', () => {
  expect(updateRequest(CLOUD, VALUES)).toEqual({});
  expect(updateRequest(CLOUD, { ...VALUES, secret: 'new' })).toEqual({ secret_access_key: 'new' });
  expect(updateRequest(CLOUD, { ...VALUES, prefix: 'other' })).toEqual({ url: 's3://school/other' });
  expect(updateRequest(CLOUD, { ...VALUES, removeSecret: true })).toEqual({
    access_key_id: null,
    secret_access_key: null,
  });
});

test('the state names the number of missing copies', () => {
  expect(destinationState(CLOUD)).toEqual({ label: 'Up to date', color: 'green' });
  const late = { ...CLOUD, copies: { ...COPIES, pending: 2, failed: 1 } };
  expect(destinationState(late)).toEqual({ label: '3 copies behind', color: 'yellow' });
  expect(destinationState({ ...late, failing_since: '2026-11-30T01:00:00Z' }).label).toBe('Failing');
  expect(destinationState({ ...late, enabled: false }).label).toBe('Disabled');
  expect(copiesText(late)).toBe('3 backups copied, 2 waiting, 1 failed');
});
