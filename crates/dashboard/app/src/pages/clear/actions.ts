import type { components } from '../../api/schema';

export type ClearScope = components['schemas']['ClearRequest']['table'];

export interface ClearAction {
  scope: ClearScope;
  title: string;
  /** The effect, described without numbers. */
  description: string;
}

export const CLEAR_ACTIONS: ClearAction[] = [
  {
    scope: 'attendance',
    title: 'Attendance',
    description: 'All attendance records. Students, courses, enrollments and payments remain.',
  },
  {
    scope: 'payments',
    title: 'Payments',
    description: 'All payments. Payment categories and students remain.',
  },
  {
    scope: 'enrollments',
    title: 'Enrollments',
    description: 'All enrollments of students in courses. Students and courses remain.',
  },
  {
    scope: 'students',
    title: 'Students',
    description: 'All students, with their enrollments, payments and attendance. Courses remain.',
  },
  {
    scope: 'courses',
    title: 'Courses',
    description: 'All courses, with their enrollments and attendance. Students and payments remain.',
  },
  {
    scope: 'all',
    title: 'Everything',
    description:
      'All of these, the payment categories, and all users except administrators. Administrators always remain.',
  },
];

/** Whether the typed text is the confirmation word. The service receives the same word. */
export function isConfirmed(typed: string, scope: ClearScope): boolean {
  return typed.trim() === scope;
}
