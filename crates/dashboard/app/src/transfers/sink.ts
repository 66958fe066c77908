// Targets for the chunks of a download. A file appears under its name only if it is complete.

export interface Sink {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Saves the complete file and returns its name. */
  finish(fileName: string): Promise<string>;
  /** Discards the incomplete file. */
  discard(): Promise<void>;
}

/** The browser can't open or write the file that the user chose. */
export class FileNotWritable extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'The browser does not say why.', { cause });
    this.name = 'FileNotWritable';
  }

  /** A full disk has its own message. */
  static from(cause: unknown): unknown {
    const isFull = cause instanceof DOMException && cause.name === 'QuotaExceededError';
    return isFull ? cause : new FileNotWritable(cause);
  }
}

/** Collects a small file in memory and saves it with the browser. */
export class MemorySink implements Sink {
  #chunks: Uint8Array<ArrayBuffer>[] = [];

  async write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#chunks.push(chunk);
  }

  async finish(fileName: string): Promise<string> {
    // This type lets browsers save the file instead of opening it.
    const address = URL.createObjectURL(new Blob(this.#chunks, { type: 'application/octet-stream' }));
    this.#chunks = [];
    const link = document.createElement('a');
    link.href = address;
    link.download = fileName;
    link.click();
    // By then the browser has read the file.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return fileName;
  }

  async discard(): Promise<void> {
    this.#chunks = [];
  }
}

type FileHandle = FileSystemFileHandle & { remove?: () => Promise<void> };

/** Writes a large file directly to the disk. The browser writes a temporary file and moves it into place at the end. */
export class FileSink implements Sink {
  constructor(
    readonly handle: FileHandle,
    readonly stream: FileSystemWritableFileStream,
  ) {}

  async write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.stream.write(chunk);
    } catch (error) {
      throw FileNotWritable.from(error);
    }
  }

  /** The name is the one that the user chose, and not the one of the service. */
  async finish(): Promise<string> {
    try {
      await this.stream.close();
    } catch (error) {
      throw FileNotWritable.from(error);
    }
    return this.handle.name;
  }

  async discard(): Promise<void> {
    // A stream that has failed can no longer be aborted.
    await this.stream.abort().catch(() => undefined);
    await removeIfEmpty(this.handle);
  }
}

/** Removes the empty file that the browser created for a new name. An existing file stays unchanged. */
async function removeIfEmpty(handle: FileHandle): Promise<void> {
  const left = await handle.getFile();
  if (left.size === 0) await handle.remove?.();
}

interface SavePicker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<FileHandle>;
}

/** Whether this browser can write to a file that the user chooses. */
export function canPickFile(): boolean {
  return 'showSaveFilePicker' in window;
}

/**
 * Lets the user choose a file. It must be called directly after a click.
 *
 * @returns `undefined` if the user cancelled the dialog.
 * @throws {FileNotWritable} if the browser shows no dialog or can't open the file.
 */
export async function pickFile(suggestedName: string): Promise<FileSink | undefined> {
  let handle: FileHandle;
  try {
    handle = await (window as unknown as SavePicker).showSaveFilePicker({ suggestedName });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw FileNotWritable.from(error);
  }
  try {
    return new FileSink(handle, await handle.createWritable());
  } catch (error) {
    await removeIfEmpty(handle).catch(() => undefined);
    throw FileNotWritable.from(error);
  }
}
