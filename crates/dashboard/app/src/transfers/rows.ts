// Counts the rows of a file during the download. The service announces the number of rows, but not the size of a long
// file.

export interface RowCounter {
  /** Reads the next chunk of the file. */
  feed(chunk: Uint8Array): void;
  /** The rows so far. */
  rows(): number;
  /** Whether the file has the end of a complete file. */
  ended(): boolean;
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const BRACE = 0x7b;

/** CSV (RFC 4180): a line break within quotes is part of a value. The first line has the headings. */
export class CsvRowCounter implements RowCounter {
  #lines = 0;
  #quoted = false;
  #last = LINE_FEED;

  feed(chunk: Uint8Array): void {
    let quoted = this.#quoted;
    let lines = this.#lines;
    for (const byte of chunk) {
      // A doubled quote within quotes closes and reopens the value, so it changes nothing.
      if (byte === QUOTE) quoted = !quoted;
      else if (byte === LINE_FEED && !quoted) lines += 1;
    }
    this.#quoted = quoted;
    this.#lines = lines;
    this.#last = chunk.at(-1) ?? this.#last;
  }

  rows(): number {
    return Math.max(0, this.#lines - 1);
  }

  ended(): boolean {
    return this.#lines > 0 && !this.#quoted && this.#last === LINE_FEED;
  }
}

/** The archive format: each row is a line that begins with a brace, as does the first line. A summary is at the end. */
export class JsonRowCounter implements RowCounter {
  #braces = 0;
  #lineBegins = true;
  #tail = '';

  feed(chunk: Uint8Array): void {
    let begins = this.#lineBegins;
    for (const byte of chunk) {
      if (begins && byte === BRACE) this.#braces += 1;
      begins = byte === LINE_FEED;
    }
    this.#lineBegins = begins;
    const text = new TextDecoder().decode(chunk.subarray(-TAIL));
    this.#tail = (this.#tail + text).slice(-TAIL);
  }

  rows(): number {
    return Math.max(0, this.#braces - 1);
  }

  ended(): boolean {
    return this.#tail.includes('"summary":') && this.#tail.trimEnd().endsWith('}');
  }
}

/** JSON Lines: each line is a value, and the last line ends, too. A list without values is an empty file. */
export class JsonLinesRowCounter implements RowCounter {
  #lines = 0;
  #last = LINE_FEED;

  feed(chunk: Uint8Array): void {
    for (const byte of chunk) if (byte === LINE_FEED) this.#lines += 1;
    this.#last = chunk.at(-1) ?? this.#last;
  }

  rows(): number {
    return this.#lines;
  }

  ended(): boolean {
    return this.#last === LINE_FEED;
  }
}

/** The summary of seven tables has about a kilobyte. */
const TAIL = 8_192;

/**
 * XLSX: the rows are compressed and can't be counted. The directory at the end of the file shows that it is complete.
 */
export class XlsxProbe implements RowCounter {
  #tail: number[] = [];

  feed(chunk: Uint8Array): void {
    this.#tail = [...this.#tail, ...chunk.subarray(-ZIP_END)].slice(-ZIP_END);
  }

  rows(): number {
    return 0;
  }

  ended(): boolean {
    return this.#tail.length === ZIP_END && ZIP_END_MARK.every((byte, index) => this.#tail[index] === byte);
  }
}

/** The end of a ZIP file without a comment: 22 bytes that begin with `PK\x05\x06`. */
const ZIP_END = 22;
const ZIP_END_MARK = [0x50, 0x4b, 0x05, 0x06];

/** The formats of a table. */
export type Format = 'csv' | 'xlsx' | 'json';

/** The formats of all files. */
export type FileFormat = Format | 'jsonl';

/** The formats of a table, in the order of their buttons. */
export const DOWNLOAD_FORMATS: readonly { format: Format; label: string }[] = [
  { format: 'csv', label: 'CSV' },
  { format: 'xlsx', label: 'Excel' },
  { format: 'json', label: 'JSON' },
];

export function counterFor(format: FileFormat): RowCounter {
  switch (format) {
    case 'csv':
      return new CsvRowCounter();
    case 'json':
      return new JsonRowCounter();
    case 'jsonl':
      return new JsonLinesRowCounter();
    case 'xlsx':
      return new XlsxProbe();
  }
}
