import { expect, test } from 'vitest';
import { nameOfReference, nameOfRow } from '../src/api/names';
import { headingOf, valueText } from '../src/components/headings';

test('columns have headings in words', () => {
  expect(headingOf('amount_paid')).toBe('Amount paid');
  expect(headingOf('student_id')).toBe('Student');
  expect(headingOf('id')).toBe('ID');
});

test('values are told apart from missing ones', () => {
  expect(valueText(null)).toBe('(empty)');
  expect(valueText('')).not.toBe(valueText(null));
  expect(valueText(false)).toBe('No');
  expect(valueText(0)).toBe('0');
  expect(valueText('12.50')).toBe('12.50');
  expect(valueText({ native: '20140-01-01' })).toBe('20140-01-01');
});

test('references have the name of their row, and unknown ones keep their id', () => {
  const names = new Map([
    ['students 7', 'Asha Rao (R-7)'],
    ['courses 7', 'Physics'],
  ]);
  expect(nameOfReference(names, 'student_id', 7)).toBe('Asha Rao (R-7)');
  expect(nameOfReference(names, 'course_id', 7)).toBe('Physics');
  expect(nameOfReference(names, 'student_id', 8)).toBeUndefined();
  expect(nameOfReference(names, 'student_id', null)).toBeUndefined();
  expect(nameOfReference(names, 'seats', 7)).toBeUndefined();
  expect(nameOfReference(undefined, 'student_id', 7)).toBeUndefined();
  expect(nameOfRow(names, 'students', 7)).toBe('Asha Rao (R-7)');
});
