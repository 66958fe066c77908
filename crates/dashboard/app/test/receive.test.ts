import { expect, test } from 'vitest';
import { fileNameOf, IncompleteDownload, type Progress, receive } from '../src/transfers/receive';
import { FileNotWritable, type Sink } from '../src/transfers/sink';

class Watched implements Sink {
  content = '';
  state: 'open' | string = 'open';
  async write(piece: Uint8Array): Promise<void> {
    this.content += new TextDecoder().decode(piece);
  }
  async finish(fileName: string): Promise<string> {
    this.state = fileName;
    return `saved as ${fileName}`;
  }
  async discard(): Promise<void> {
    this.state = 'discarded';
  }
}

/** An answer that comes in pieces, and breaks off if there is an error. */
function answer(pieces: string[], rows: number, error?: Error): Response {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = pieces.shift();
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

test('a transfer that breaks off is a cut, and saves nothing', async () => {
  const sink = new Watched();
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

test('a clean end with too few rows, too many or half a row is a cut as well', async () => {
  for (const pieces of [['ID\r\n1\r\n'], ['ID\r\n1\r\n2\r\n3\r\n'], ['ID\r\n1\r\n2\r\n', '"'], []]) {
    const sink = new Watched();
    expect(await outcome(answer(pieces, 2), sink)).toBeInstanceOf(IncompleteDownload);
    expect(sink.state).toBe('discarded');
  }
});

test('a clean end with fewer bytes than were announced is a cut', async () => {
  const announced = (length: number, encoding?: string) => {
    const response = answer(['ID\r\n1\r\n2\r\n'], 2);
    response.headers.set('Content-Length', String(length));
    if (encoding) response.headers.set('Content-Encoding', encoding);
    return response;
  };
  expect(await outcome(announced(11), new Watched())).toBeInstanceOf(IncompleteDownload);
  expect(await outcome(announced(10), new Watched())).toMatchObject({
    progress: { bytes: 10, totalBytes: 10 },
  });
  // The length of what was compressed is another one.
  expect(await outcome(announced(5, 'gzip'), new Watched())).toMatchObject({ progress: { bytes: 10 } });
});

test('who cancels is told of no cut', async () => {
  const sink = new Watched();
  const error = await outcome(answer(['ID\r\n'], 2, new DOMException('stopped', 'AbortError')), sink);
  expect(error).not.toBeInstanceOf(IncompleteDownload);
  expect(error).toMatchObject({ name: 'AbortError' });
  expect(sink.state).toBe('discarded');
});

test('a disk that is full is a failure, and saves nothing', async () => {
  const sink = new Watched();
  sink.write = async () => {
    throw new DOMException('no room', 'QuotaExceededError');
  };
  expect(await outcome(answer(['ID\r\n1\r\n'], 1), sink)).toMatchObject({ name: 'QuotaExceededError' });
  expect(sink.state).toBe('discarded');
});

test('a file that can’t be finished is a failure, and leaves nothing', async () => {
  const sink = new Watched();
  sink.finish = async () => {
    throw new FileNotWritable(new Error('blocked'));
  };
  expect(await outcome(answer(['ID\r\n1\r\n'], 1), sink)).toBeInstanceOf(FileNotWritable);
  expect(sink.state).toBe('discarded');
});

test('a whole file has its name, its bytes and its progress', async () => {
  const sink = new Watched();
  const seen: Progress[] = [];
  const received = await outcome(answer(['ID\r\n1', '\r\n2\r\n'], 2), sink, (progress) =>
    seen.push(progress),
  );
  // The name is the one under which it was saved, which the user may have chosen.
  expect(received).toMatchObject({ fileName: 'saved as users_backup.csv' });
  expect(sink.state).toBe('users_backup.csv');
  expect(sink.content).toBe('ID\r\n1\r\n2\r\n');
  expect(seen.map(({ rows }) => rows)).toEqual([0, 2]);
});

test('a name that is no plain file name is not taken', () => {
  for (const name of ['../../etc/passwd', 'a b.csv', 'a\\b.csv', '']) {
    const headers = { 'Content-Disposition': `attachment; filename="${name}"` };
    expect(fileNameOf(new Response('', { headers }))).toBeUndefined();
  }
});
