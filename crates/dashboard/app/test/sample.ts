import type { Archive, RestorePlan } from '../src/api/archives';

/** A backup of `2026-11-` and the moment, such as `28T13`. */
export function archive(id: string, moment: string, changed: Partial<Archive> = {}): Archive {
  return {
    id,
    created_at: `2026-11-${moment}:00:00Z`,
    kind: 'created',
    origin: 'made_here',
    label: null,
    note: null,
    protected: false,
    created_by: 'admin',
    engine: 'sqlite',
    app_version: '0.1.0',
    rows: { students: 1_000, courses: 40, payments: 5_000, users: 5 },
    total: 6_045,
    totals: {},
    sha256: {},
    size: 1,
    compression: 'zstd',
    encryption: 'none',
    object_sha256: '',
    contains_password_hashes: true,
    verification: null,
    verifications: [],
    suspicion: null,
    copies: [],
    retained: null,
    ...changed,
  };
}

const NONE = { items: [], total: 0 };

/** A plan that changes nothing. */
export function restorePlan(changed: Partial<RestorePlan>): RestorePlan {
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
