// Why a backup stays or is deleted.
import type { RetentionPlan } from '../../api/retention';

type KeepReason = RetentionPlan['keep'][number]['reasons'][number];
type DeleteReason = RetentionPlan['delete'][number]['reason'];

export const KEEP_REASONS: Record<KeepReason, string> = {
  last: 'one of the newest',
  hourly: 'newest of its hour',
  daily: 'newest of its day',
  weekly: 'newest of its week',
  monthly: 'newest of its month',
  yearly: 'newest of its year',
  minimum: 'one of those that always stay',
  newest: 'newest good backup',
  newest_verified: 'newest verified backup',
  protected: 'protected from deletion',
  uploaded: 'uploaded',
  found: 'found in the storage',
  in_use: 'in use now',
  undo_possible: 'needed to undo a clear',
  safety_days: 'recent safety backup',
  suspicious: 'suspicious, and not accepted yet',
  damaged: 'damaged',
  unreadable: 'its description can’t be read',
};

export const DELETE_REASONS: Record<DeleteReason, string> = {
  no_rule: 'no rule keeps it',
  max_bytes: 'the backups are larger than the size limit',
  safety_expired: 'old safety backup',
};
