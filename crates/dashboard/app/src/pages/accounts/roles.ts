import type { Account, Role } from '../../api/accounts';
import { counted } from '../../locale/format';

export const ROLES: { value: Role; label: string; description: string }[] = [
  { value: 'admin', label: 'Administrator', description: 'Can use this dashboard and change everything.' },
  { value: 'accountant', label: 'Accountant', description: 'Can’t use this dashboard.' },
  { value: 'teacher', label: 'Teacher', description: 'Can’t use this dashboard.' },
];

export function roleName(role: Role): string {
  return ROLES.find(({ value }) => value === role)?.label ?? role;
}

/** The sessions, tokens and links that end when an account is disabled, deleted, reset or gets another role. */
export function endingText({ tokens }: Pick<Account, 'tokens'>): string {
  const named = tokens > 0 ? `, its ${counted(tokens, 'token', 'tokens')}` : '';
  return `All its sessions${named} and its unused download links end at once.`;
}
