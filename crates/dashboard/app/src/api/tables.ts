import type { components } from './schema';

export type Stats = components['schemas']['StatsAnswer'];
export type Cleared = components['schemas']['ClearAnswer'];

/** The seven tables, in the order of their importance for people. */
export const TABLES = [
  'students',
  'courses',
  'enrollments',
  'payments',
  'attendance',
  'payment_categories',
  'users',
] as const;
export type Table = (typeof TABLES)[number];

export type Scope = Table | 'all';

const NAMES: Record<Scope, string> = {
  students: 'Students',
  courses: 'Courses',
  enrollments: 'Enrollments',
  payments: 'Payments',
  attendance: 'Attendance',
  payment_categories: 'Payment categories',
  users: 'Users',
  all: 'Everything',
};

/** The display name of a table. A table that this page does not know keeps its own name. */
export function nameOf(scope: string): string {
  return NAMES[scope as Scope] ?? scope;
}
