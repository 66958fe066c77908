// The columns that a heading of a file can belong to.
import type { ImportPlan, ImportTable } from '../../api/imports';
import { headingOf } from '../../components/headings';

const STUDENT = ['student_registration_number', 'student_id'];
const COURSE = ['course_name', 'course_id'];

/** The columns that a heading can belong to. Some of them name a row of another table. */
export const IMPORT_COLUMNS: Record<ImportTable, readonly string[]> = {
  students: [
    'registration_number',
    'full_name',
    'email',
    'phone',
    'address',
    'date_of_birth',
    'created_at',
    'id',
  ],
  courses: [
    'name',
    'description',
    'instructor_name',
    'instructor_contact',
    'fee',
    'seats',
    'created_at',
    'id',
  ],
  payment_categories: ['name', 'description', 'created_at', 'id'],
  enrollments: [...STUDENT, ...COURSE, 'enrolled_at', 'id'],
  payments: [
    ...STUDENT,
    'category_name',
    'category_id',
    'amount_paid',
    'payment_date',
    'status',
    'transaction_id',
    'id',
  ],
  attendance: [...STUDENT, ...COURSE, 'date', 'status', 'id'],
};

/** The labels that differ from those of values: a file has an ID where a person sees a name. */
const LABELS: Readonly<Record<string, string>> = {
  student_registration_number: 'Registration number of the student',
  student_id: 'ID of the student',
  course_name: 'Name of the course',
  course_id: 'ID of the course',
  category_name: 'Name of the payment category',
  category_id: 'ID of the payment category',
};

export function columnLabel(column: string): string {
  return LABELS[column] ?? headingOf(column);
}

/** The choices for a heading: the columns of the table, and one to ignore it. */
export function columnChoices(table: ImportTable): { value: string; label: string }[] {
  const columns = IMPORT_COLUMNS[table].map((column) => ({ value: column, label: columnLabel(column) }));
  return [{ value: '', label: 'Ignore this heading' }, ...columns];
}

export interface FileColumn {
  heading: string;
  /** The column of the table; empty if the heading is ignored. */
  column: string;
  /** Why the heading is ignored. */
  reason?: string;
}

/** The headings of a file with their columns: those that are used first. */
export function fileColumns({ columns, ignored }: Pick<ImportPlan, 'columns' | 'ignored'>): FileColumn[] {
  return [...columns, ...ignored.map(({ heading, reason }) => ({ heading, column: '', reason }))];
}

/**
 * The mapping after the column of a heading was changed. A heading that had the column before is ignored, because two
 * headings can't belong to one column.
 */
export function withColumn(
  mapping: Readonly<Record<string, string>>,
  headings: readonly FileColumn[],
  heading: string,
  column: string,
): Record<string, string> {
  const changed = { ...mapping, [heading]: column };
  for (const other of headings) {
    const current = mapping[other.heading] ?? other.column;
    if (column !== '' && other.heading !== heading && current === column) changed[other.heading] = '';
  }
  return changed;
}

/** The endings of the files that can be imported. The service recognizes a file by its content. */
export const FILE_ENDINGS = '.csv,.tsv,.txt,.xlsx,.ods,.json,.jsonl';
