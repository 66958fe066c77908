import { expect, test } from 'vitest';
import { CsvReader } from '../src/api/csv';

const FILE = 'ID,Name\r\n1,"Rao, A."\r\n2,"says ""hello""\r\nand more"\r\n3,\r\n4,""\r\n';
const RECORDS = [
  ['ID', 'Name'],
  ['1', 'Rao, A.'],
  ['2', 'says "hello"\r\nand more'],
  ['3', ''],
  ['4', ''],
];

test('quoted values keep commas, quotes and line breaks', () => {
  expect(new CsvReader().feed(FILE)).toEqual(RECORDS);
});

test('chunks may end anywhere', () => {
  for (const size of [1, 2, 3, 7]) {
    const reader = new CsvReader();
    const records: string[][] = [];
    for (let at = 0; at < FILE.length; at += size) records.push(...reader.feed(FILE.slice(at, at + size)));
    expect(records).toEqual(RECORDS);
  }
});

test('an incomplete record is not returned', () => {
  const reader = new CsvReader();
  expect(reader.feed('1,half of a')).toEqual([]);
  expect(reader.feed(' value\n2,')).toEqual([['1', 'half of a value']]);
});
