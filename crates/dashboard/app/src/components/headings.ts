// The columns of the tables in words.

const HEADINGS: Readonly<Record<string, string>> = {
  id: 'ID',
  student_id: 'Student',
  course_id: 'Course',
  category_id: 'Payment category',
  transaction_id: 'Transaction ID',
  email: 'E-mail',
  is_active: 'Active',
  password_hash: 'Password',
};

/** The heading of a column, such as `Amount paid` for `amount_paid`. */
export function headingOf(field: string): string {
  const known = HEADINGS[field];
  if (known !== undefined) return known;
  const words = field.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The text of a value. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '(empty)';
  if (value === '') return '“” (empty text)';
  if (value === true) return 'Yes';
  if (value === false) return 'No';
  if (typeof value === 'object' && 'native' in value) return String(value.native);
  return String(value);
}
