// The secret key of a backup, as requests carry it.
import { expect, test } from 'vitest';
import { identityHeader, needsIdentity } from '../src/api/identity';
import { ProblemError } from '../src/api/problem';

const problem = (code: ProblemError['problem']['code']) =>
  new ProblemError({ type: '', title: '', status: 409, detail: '', code, request_id: '' });

test('a request without a secret key has no header', () => {
  expect(identityHeader(undefined)).toEqual({});
  expect(identityHeader('')).toEqual({});
});

test('several secret keys are one line of the header', () => {
  expect(identityHeader('AGE-SECRET-KEY-1A\nAGE-SECRET-KEY-1B')).toEqual({
    'X-Archive-Identity': 'AGE-SECRET-KEY-1A,AGE-SECRET-KEY-1B',
  });
});

test('only a missing or wrong key asks for the secret key', () => {
  expect(needsIdentity(problem('archive_key_required'))).toBe(true);
  expect(needsIdentity(problem('archive_wrong_key'))).toBe(true);
  expect(needsIdentity(problem('archive_corrupt'))).toBe(false);
  expect(needsIdentity(new Error('archive_key_required'))).toBe(false);
});
