import type { components } from './schema';

export type Stats = components['schemas']['StatsAnswer'];
export type Cleared = components['schemas']['ClearAnswer'];

/** The seven tables, in the order in which people think of them. */
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

/** A table, or everything. */
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

/** What people call a table. One that this page does not know keeps its name. */
export function nameOf(scope: string): string {
  return NAMES[scope as Scope] ?? scope;
}
