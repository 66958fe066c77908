import type { TokenScope } from '../../api/tokens';

export const SCOPES: { value: TokenScope; label: string; description: string }[] = [
  { value: 'read', label: 'Read', description: 'Count, list, download and compare, and preview changes.' },
  { value: 'backup', label: 'Back up', description: 'Create, upload, verify and download backups.' },
  { value: 'restore', label: 'Restore', description: 'Restore, clear and undo, and delete backups.' },
  { value: 'admin', label: 'Everything', description: 'All of these, and settings, accounts and tokens.' },
];

export function scopeName(scope: TokenScope): string {
  return SCOPES.find(({ value }) => value === scope)?.label ?? scope;
}

/** The choices for the end of a token, in days. */
export const LIFETIMES = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: 'date', label: 'On a day of my choice' },
  { value: '', label: 'Never' },
];

const DAY = 24 * 60 * 60 * 1_000;

/** When a token ends, or why that is not possible. `null` means never. A chosen day is included. */
export function expiryOf(
  lifetime: string,
  date: string,
  now = Date.now(),
): { at: string | null } | { problem: string } {
  if (lifetime === '') return { at: null };
  if (lifetime !== 'date') return { at: new Date(now + Number(lifetime) * DAY).toISOString() };
  const end = new Date(`${date}T23:59:59`);
  if (Number.isNaN(end.getTime())) return { problem: 'Choose a day.' };
  if (end.getTime() <= now) return { problem: 'Choose a day in the future.' };
  return { at: end.toISOString() };
}
