import type { components } from '../../api/schema';

export type ClearScope = components['schemas']['ClearRequest']['table'];

export interface Action {
  scope: ClearScope;
  title: string;
  /** What it means, before anything has been counted. */
  words: string;
}

export const ACTIONS: Action[] = [
  {
    scope: 'attendance',
    title: 'Attendance',
    words: 'All attendance records. Students, courses, enrollments and payments stay.',
  },
  {
    scope: 'payments',
    title: 'Payments',
    words: 'All payments. Their categories and the students who paid stay.',
  },
  {
    scope: 'enrollments',
    title: 'Enrollments',
    words: 'Who takes which course. The students and the courses stay.',
  },
  {
    scope: 'students',
    title: 'Students',
    words: 'All students, and with them their enrollments, payments and attendance. Courses stay.',
  },
  {
    scope: 'courses',
    title: 'Courses',
    words: 'All courses, and with them their enrollments and attendance. Students and payments stay.',
  },
  {
    scope: 'all',
    title: 'Everything',
    words:
      'All of these, the payment categories, and every user who is not an administrator. Administrators always stay.',
  },
];

/** What one has to type, and what the service is sent to confirm. */
export function isConfirmed(typed: string, scope: ClearScope): boolean {
  return typed.trim() === scope;
}
