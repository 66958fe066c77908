import { readFile } from 'node:fs/promises';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { expect, test } from 'vitest';

test('the types match the committed document; if not, run: npm run types', async () => {
  const document = new URL('../../../../openapi/campus-backup.json', import.meta.url);
  const fresh = COMMENT_HEADER + astToString(await openapiTS(document));
  const committed = await readFile(new URL('../src/api/schema.d.ts', import.meta.url), 'utf8');
  expect(committed).toBe(fresh);
});
