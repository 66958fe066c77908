import { describe, expect, test } from 'vitest';
import { counterFor, type Format } from '../src/transfers/rows';

/** Feeds a file in pieces of every size, and wants the same each time. */
function counted(format: Format, content: string | Uint8Array): { rows: number; ended: boolean } {
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
  test('nothing at all is not whole', () => {
    expect(counted('csv', '')).toEqual({ rows: 0, ended: false });
  });
  test('a cut line and a cut text are not whole', () => {
    expect(counted('csv', '\ufeffID,Name\r\n1,A\r\n2,')).toEqual({ rows: 1, ended: false });
    expect(counted('csv', 'ID,Name\r\n1,"A\r\n')).toEqual({ rows: 0, ended: false });
  });
  test('headings alone are whole', () => {
    expect(counted('csv', '\ufeffID,Name\r\n')).toEqual({ rows: 0, ended: true });
  });
  test('line ends and quotes within texts are no rows', () => {
    const file = 'ID,Name\r\n1,"two\r\nlines"\r\n2,"a ""quoted"" word\n"\r\n3,""\r\n';
    expect(counted('csv', file)).toEqual({ rows: 3, ended: true });
  });
});

describe('JSON', () => {
  const head =
    '{"format":"campus-backup","version":1,\n"schema":{\n"users":[{"name":"id"}]\n},\n"tables":{\n"users":[\n';
  const row = '{"id":1,"full_name":"a \\"{\\n summary\\": {"}';
  test('without its summary it is not whole', () => {
    expect(counted('json', `${head}${row},\n${row}\n]`)).toEqual({ rows: 2, ended: false });
    expect(counted('json', `${head}${row}\n]},\n"summary":{"rows":{"users":1}`)).toMatchObject({ rows: 1 });
  });
  test('rows are counted, whatever is in them', () => {
    const file = `${head}${row},\n${row},\n${row}\n]},\n"summary":{"rows":{"users":3},"total":3}}\n`;
    expect(counted('json', file)).toEqual({ rows: 3, ended: true });
  });
});

describe('a workbook', () => {
  test('without its directory’s end it is not whole', () => {
    expect(counted('xlsx', new Uint8Array(100))).toEqual({ rows: 0, ended: false });
    expect(counted('xlsx', new Uint8Array([0x50, 0x4b, 5, 6]))).toEqual({ rows: 0, ended: false });
  });
  test('with it it is', () => {
    const end = new Uint8Array(122);
    end.set([0x50, 0x4b, 5, 6], 100);
    expect(counted('xlsx', end)).toEqual({ rows: 0, ended: true });
  });
});
