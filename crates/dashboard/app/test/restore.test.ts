import { expect, test } from 'vitest';
import type { RestorePlan } from '../src/api/archives';
import { changesAdministrators, DEFAULT_CHOICE, planRequest } from '../src/pages/restore/planRequest';

const NONE = { items: [], total: 0 };

function plan(changed: Partial<RestorePlan>): RestorePlan {
  return {
    hash: 'x',
    tables: {},
    money: { before: '0.00', after: '0.00' },
    warnings: [],
    blockers: [],
    administrators_added: NONE,
    administrators_changed: NONE,
    administrators_raised: NONE,
    administrators_disabled: NONE,
    ...changed,
  };
}

test('each list of administrators needs a confirmation', () => {
  expect(changesAdministrators(plan({}))).toBe(false);
  const some = { items: [{ username: 'eve', text: 'A new administrator.' }], total: 1 };
  for (const list of ['added', 'changed', 'raised', 'disabled']) {
    expect(changesAdministrators(plan({ [`administrators_${list}`]: some })), list).toBe(true);
  }
});

test('administrators are disabled only on request', () => {
  expect(planRequest(DEFAULT_CHOICE)).toMatchObject({ disable_administrators: false });
  expect(planRequest({ ...DEFAULT_CHOICE, disable: true })).toMatchObject({ disable_administrators: true });
});
