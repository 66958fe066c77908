import { ServiceUnreachable } from '../api/problem';
import { counterFor, type FileFormat } from './rows';
import { FileNotWritable, type Sink } from './sink';

/** The progress of a download. */
export interface Progress {
  /** Bytes of the file, after decompression. */
  bytes: number;
  /** Rows that have arrived. It is 0 if the format does not show them. */
  rows: number;
  /** Rows that the service announced. */
  totalRows: number | undefined;
  /** Bytes that the service announced. Unknown if the answer is compressed. */
  totalBytes: number | undefined;
}

/** The part of a download that has arrived, from 0 to 1, if it is known. */
export function shareOf({ bytes, rows, totalBytes, totalRows }: Progress): number | undefined {
  if (totalBytes !== undefined && totalBytes > 0) return bytes / totalBytes;
  return totalRows !== undefined && totalRows > 0 && rows > 0 ? rows / totalRows : undefined;
}

/** A download that did not arrive completely. Nothing was saved. */
export class IncompleteDownload extends Error {
  constructor(
    readonly progress: Progress,
    cause?: unknown,
  ) {
    super('The transfer broke off before the file was whole.', { cause });
    this.name = 'IncompleteDownload';
  }
}

/**
 * Receives a file into a sink. The file is saved only if it is complete: the transfer ended cleanly, all announced rows
 * and bytes arrived, and the file has the end of its format. Returns the name of the saved file.
 *
 * @throws {IncompleteDownload} if the file is incomplete, or the error of the sink. In both cases the sink was
 * discarded.
 */
export async function receive(
  response: Response,
  format: FileFormat,
  sink: Sink,
  report: (progress: Progress) => void,
): Promise<{ fileName: string; progress: Progress }> {
  const counter = counterFor(format);
  const progress: Progress = {
    bytes: 0,
    rows: 0,
    totalRows: totalRows(response),
    totalBytes: totalBytes(response),
  };
  try {
    if (!response.body) throw new ServiceUnreachable();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      counter.feed(value);
      await sink.write(value);
      progress.bytes += value.byteLength;
      progress.rows = counter.rows();
      report({ ...progress });
    }
    const all = format === 'xlsx' || progress.totalRows === undefined || progress.rows === progress.totalRows;
    const allBytes = progress.totalBytes === undefined || progress.bytes === progress.totalBytes;
    if (!all || !allBytes || !counter.ended()) throw new IncompleteDownload(progress);
  } catch (error) {
    await sink.discard().catch(() => undefined);
    if (error instanceof IncompleteDownload || error instanceof FileNotWritable) throw error;
    if (error instanceof DOMException && error.name !== 'NetworkError') throw error;
    throw new IncompleteDownload(progress, error);
  }
  try {
    const fileName = await sink.finish(fileNameOf(response) ?? `download.${format}`);
    return { fileName, progress };
  } catch (error) {
    await sink.discard().catch(() => undefined);
    throw error;
  }
}

function totalRows(response: Response): number | undefined {
  const header = response.headers.get('x-total-rows');
  return header === null ? undefined : Number(header);
}

/** The length of a compressed answer says nothing about the size of the file. */
function totalBytes(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : Number(length);
}

/** The name in `Content-Disposition`. The service uses only plain names. */
export function fileNameOf(response: Response): string | undefined {
  return /filename="([\w.-]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
}
