// The inputs of a retention policy.
import type { RetentionPolicy } from '../../api/retention';

type CountField = Exclude<keyof RetentionPolicy, 'max_bytes'>;

/** The texts of the inputs. */
export type PolicyInputs = Record<CountField, string> & { max_bytes: string };

export const COUNT_FIELDS: { field: CountField; label: string; unit: string }[] = [
  { field: 'keep_last', label: 'Newest backups', unit: 'backups' },
  { field: 'hourly', label: 'One an hour', unit: 'hours' },
  { field: 'daily', label: 'One a day', unit: 'days' },
  { field: 'weekly', label: 'One a week', unit: 'weeks' },
  { field: 'monthly', label: 'One a month', unit: 'months' },
  { field: 'yearly', label: 'One a year', unit: 'years' },
];

/** The fields of the form, as the beginning of a sentence about an error. */
export const POLICY_LABELS: Record<keyof PolicyInputs, string> = {
  keep_last: 'The number',
  hourly: 'The number',
  daily: 'The number',
  weekly: 'The number',
  monthly: 'The number',
  yearly: 'The number',
  min_keep: 'The number',
  max_bytes: 'The size',
  safety_days: 'The number',
};

/** A proposal for a school that has no policy yet. */
export const PROPOSED_POLICY: RetentionPolicy = {
  keep_last: 3,
  hourly: 0,
  daily: 7,
  weekly: 4,
  monthly: 12,
  yearly: 3,
  min_keep: 3,
  max_bytes: null,
  safety_days: 30,
};

export function inputsOf(policy: RetentionPolicy): PolicyInputs {
  const count = (field: CountField) => String(policy[field] ?? PROPOSED_POLICY[field]);
  return {
    keep_last: count('keep_last'),
    hourly: count('hourly'),
    daily: count('daily'),
    weekly: count('weekly'),
    monthly: count('monthly'),
    yearly: count('yearly'),
    min_keep: count('min_keep'),
    safety_days: count('safety_days'),
    max_bytes: policy.max_bytes == null ? '' : sizeText(policy.max_bytes),
  };
}

/** The policy of the inputs, or what is wrong with them. */
export function policyOf(
  inputs: PolicyInputs,
): { policy: RetentionPolicy } | { problems: Partial<Record<keyof PolicyInputs, string>> } {
  const problems: Partial<Record<keyof PolicyInputs, string>> = {};
  const count = (field: CountField): number => {
    const text = inputs[field].trim();
    if (!/^\d{1,9}$/.test(text)) problems[field] = 'Enter a whole number, or 0.';
    return Number(text);
  };
  const size = inputs.max_bytes.trim() === '' ? null : parseSize(inputs.max_bytes);
  if (size === undefined) problems.max_bytes = 'Enter a size such as 50 GB, or nothing for no limit.';
  const policy: RetentionPolicy = {
    keep_last: count('keep_last'),
    hourly: count('hourly'),
    daily: count('daily'),
    weekly: count('weekly'),
    monthly: count('monthly'),
    yearly: count('yearly'),
    min_keep: count('min_keep'),
    safety_days: count('safety_days'),
    max_bytes: size ?? null,
  };
  return Object.keys(problems).length > 0 ? { problems } : { policy };
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** The bytes of a size such as `50 GB`. Without a unit they are bytes. */
export function parseSize(text: string): number | undefined {
  const [, value = '', unit = 'B'] = /^(\d+(?:[.,]\d+)?)\s*([kmgt]?i?b)?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const size = Math.round(Number(value.replace(',', '.')) * (factor ?? 0));
  return value !== '' && size >= 1 && Number.isSafeInteger(size) ? size : undefined;
}

/** A size in the largest unit that writes it exactly, so that an unchanged input stays the same size. */
export function sizeText(size: number): string {
  const units = [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const;
  const unit = units.find(([, factor]) => size % factor === 0);
  return unit ? `${size / unit[1]} ${unit[0]}` : `${size} B`;
}

/** Whether two policies decide the same. A missing value is the default. */
export function isSamePolicy(one: RetentionPolicy, other: RetentionPolicy): boolean {
  return JSON.stringify(inputsOf(one)) === JSON.stringify(inputsOf(other));
}
