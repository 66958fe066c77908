import { expect, test } from 'vitest';
import { fileNameOf, IncompleteDownload, type Progress, receive } from '../src/transfers/receive';
import { FileNotWritable, type Sink } from '../src/transfers/sink';

class RecordingSink implements Sink {
  content = '';
  state: 'open' | string = 'open';
  async write(chunk: Uint8Array): Promise<void> {
    this.content += new TextDecoder().decode(chunk);
  }
  async finish(fileName: string): Promise<string> {
    this.state = fileName;
    return `saved as ${fileName}`;
  }
  async discard(): Promise<void> {
    this.state = 'discarded';
  }
}

/** An answer in chunks, which fails at its end if an error is given. */
function answer(chunks: string[], rows: number, error?: Error): Response {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = chunks.shift();
      if (next !== undefined) controller.enqueue(new TextEncoder().encode(next));
      else if (error) controller.error(error);
      else controller.close();
    },
  });
  return new Response(body, {
    headers: {
      'X-Total-Rows': String(rows),
      'Content-Disposition': `attachment; filename="users_backup.csv"; filename*=UTF-8''users_backup.csv`,
    },
  });
}

const outcome = (response: Response, sink: Sink, report: (progress: Progress) => void = () => undefined) =>
  receive(response, 'csv', sink, report).catch((error: unknown) => error);

test('an interrupted transfer is incomplete and saves nothing', async () => {
  const sink = new RecordingSink();
  const error = await outcome(answer(['ID\r\n1\r\n'], 2, new TypeError('network error')), sink);
  expect(error).toBeInstanceOf(IncompleteDownload);
  expect((error as IncompleteDownload).progress).toEqual({
    bytes: 7,
    rows: 1,
    totalRows: 2,
    totalBytes: undefined,
  });
  expect(sink.state).toBe('discarded');
});

test('a clean end with too few rows, too many rows or half a row is incomplete', async () => {
  for (const chunks of [['ID\r\n1\r\n'], ['ID\r\n1\r\n2\r\n3\r\n'], ['ID\r\n1\r\n2\r\n', '"'], []]) {
    const sink = new RecordingSink();
    expect(await outcome(answer(chunks, 2), sink)).toBeInstanceOf(IncompleteDownload);
    expect(sink.state).toBe('discarded');
  }
});

test('a clean end with fewer bytes than announced is incomplete', async () => {
  const announced = (length: number, encoding?: string) => {
    const response = answer(['ID\r\n1\r\n2\r\n'], 2);
    response.headers.set('Content-Length', String(length));
    if (encoding) response.headers.set('Content-Encoding', encoding);
    return response;
  };
  expect(await outcome(announced(11), new RecordingSink())).toBeInstanceOf(IncompleteDownload);
  expect(await outcome(announced(10), new RecordingSink())).toMatchObject({
    progress: { bytes: 10, totalBytes: 10 },
  });
  // The length of a compressed answer is not the size of the file.
  expect(await outcome(announced(5, 'gzip'), new RecordingSink())).toMatchObject({ progress: { bytes: 10 } });
});

test('a cancelled download is not reported as incomplete', async () => {
  const sink = new RecordingSink();
  const error = await outcome(answer(['ID\r\n'], 2, new DOMException('stopped', 'AbortError')), sink);
  expect(error).not.toBeInstanceOf(IncompleteDownload);
  expect(error).toMatchObject({ name: 'AbortError' });
  expect(sink.state).toBe('discarded');
});

test('a full disk is a failure and saves nothing', async () => {
  const sink = new RecordingSink();
  sink.write = async () => {
    throw new DOMException('no room', 'QuotaExceededError');
  };
  expect(await outcome(answer(['ID\r\n1\r\n'], 1), sink)).toMatchObject({ name: 'QuotaExceededError' });
  expect(sink.state).toBe('discarded');
});

test('a file that can’t be finished is a failure and leaves nothing', async () => {
  const sink = new RecordingSink();
  sink.finish = async () => {
    throw new FileNotWritable(new Error('blocked'));
  };
  expect(await outcome(answer(['ID\r\n1\r\n'], 1), sink)).toBeInstanceOf(FileNotWritable);
  expect(sink.state).toBe('discarded');
});

test('a complete file has its name, its bytes and its progress', async () => {
  const sink = new RecordingSink();
  const seen: Progress[] = [];
  const received = await outcome(answer(['ID\r\n1', '\r\n2\r\n'], 2), sink, (progress) =>
    seen.push(progress),
  );
  // The name of the saved file, which the user may have chosen.
  expect(received).toMatchObject({ fileName: 'saved as users_backup.csv' });
  expect(sink.state).toBe('users_backup.csv');
  expect(sink.content).toBe('ID\r\n1\r\n2\r\n');
  expect(seen.map(({ rows }) => rows)).toEqual([0, 2]);
});

test('a name that is not a plain file name is ignored', () => {
  for (const name of ['../../etc/passwd', 'a b.csv', 'a\\b.csv', '']) {
    const headers = { 'Content-Disposition': `attachment; filename="${name}"` };
    expect(fileNameOf(new Response('', { headers }))).toBeUndefined();
  }
});
