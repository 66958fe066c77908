import { describe, expect, test } from 'vitest';
import { counterFor, type FileFormat } from '../src/transfers/rows';

/** Feeds a file in chunks of several sizes, and expects the same result each time. */
function counted(format: FileFormat, content: string | Uint8Array): { rows: number; ended: boolean } {
  const file = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const outcomes = [1, 2, 3, 7, 64, file.length + 1].map((size) => {
    const counter = counterFor(format);
    for (let at = 0; at < file.length; at += size) counter.feed(file.subarray(at, at + size));
    return { rows: counter.rows(), ended: counter.ended() };
  });
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  return outcomes[0] ?? { rows: -1, ended: false };
}

describe('CSV', () => {
  test('an empty file is incomplete', () => {
    expect(counted('csv', '')).toEqual({ rows: 0, ended: false });
  });
  test('a truncated line or value is incomplete', () => {
    expect(counted('csv', '\ufeffID,Name\r\n1,A\r\n2,')).toEqual({ rows: 1, ended: false });
    expect(counted('csv', 'ID,Name\r\n1,"A\r\n')).toEqual({ rows: 0, ended: false });
  });
  test('headings alone are complete', () => {
    expect(counted('csv', '\ufeffID,Name\r\n')).toEqual({ rows: 0, ended: true });
  });
  test('line breaks and quotes within values are not rows', () => {
    const file = 'ID,Name\r\n1,"two\r\nlines"\r\n2,"a ""quoted"" word\n"\r\n3,""\r\n';
    expect(counted('csv', file)).toEqual({ rows: 3, ended: true });
  });
});

describe('JSON', () => {
  const head =
    '{"format":"campus-backup","version":1,\n"schema":{\n"users":[{"name":"id"}]\n},\n"tables":{\n"users":[\n';
  const row = '{"id":1,"full_name":"a \\"{\\n summary\\": {"}';
  test('without its summary it is incomplete', () => {
    expect(counted('json', `${head}${row},\n${row}\n]`)).toEqual({ rows: 2, ended: false });
    expect(counted('json', `${head}${row}\n]},\n"summary":{"rows":{"users":1}`)).toMatchObject({ rows: 1 });
  });
  test('rows are counted, whatever they contain', () => {
    const file = `${head}${row},\n${row},\n${row}\n]},\n"summary":{"rows":{"users":3},"total":3}}\n`;
    expect(counted('json', file)).toEqual({ rows: 3, ended: true });
  });
});

describe('a workbook', () => {
  test('without the end of its directory it is incomplete', () => {
    expect(counted('xlsx', new Uint8Array(100))).toEqual({ rows: 0, ended: false });
    expect(counted('xlsx', new Uint8Array([0x50, 0x4b, 5, 6]))).toEqual({ rows: 0, ended: false });
  });
  test('with the end of its directory it is complete', () => {
    const end = new Uint8Array(122);
    end.set([0x50, 0x4b, 5, 6], 100);
    expect(counted('xlsx', end)).toEqual({ rows: 0, ended: true });
  });
});

test('JSON Lines end with a line, and may be empty', () => {
  expect(counted('jsonl', '')).toEqual({ rows: 0, ended: true });
  expect(counted('jsonl', '{"id":1}\n{"id":2}\n')).toEqual({ rows: 2, ended: true });
  expect(counted('jsonl', '{"id":1}\n{"id"')).toEqual({ rows: 1, ended: false });
});
