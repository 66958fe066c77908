import type { components } from '../../api/schema';

export type ClearScope = components['schemas']['ClearRequest']['table'];

export interface ClearAction {
  scope: ClearScope;
  title: string;
  /** What it means, before anything has been counted. */
  description: string;
}

export const CLEAR_ACTIONS: ClearAction[] = [
  {
    scope: 'attendance',
    title: 'Attendance',
    description: 'All attendance records. Students, courses, enrollments and payments stay.',
  },
  {
    scope: 'payments',
    title: 'Payments',
    description: 'All payments. Their categories and the students who paid stay.',
  },
  {
    scope: 'enrollments',
    title: 'Enrollments',
    description: 'Who takes which course. The students and the courses stay.',
  },
  {
    scope: 'students',
    title: 'Students',
    description: 'All students, and with them their enrollments, payments and attendance. Courses stay.',
  },
  {
    scope: 'courses',
    title: 'Courses',
    description: 'All courses, and with them their enrollments and attendance. Students and payments stay.',
  },
  {
    scope: 'all',
    title: 'Everything',
    description:
      'All of these, the payment categories, and every user who is not an administrator. Administrators always stay.',
  },
];

/** What one has to type, and what the service is sent to confirm. */
export function isConfirmed(typed: string, scope: ClearScope): boolean {
  return typed.trim() === scope;
}
