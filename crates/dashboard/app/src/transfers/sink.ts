// Where the chunks of a download go. Whatever it is, a file appears under its name only when it is whole.

export interface Sink {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The file is whole: it appears. Gives the name that it has. */
  finish(fileName: string): Promise<string>;
  /** It is not: nothing is left of it. */
  discard(): Promise<void>;
}

/** The browser can't open or write the file that the user chose. */
export class FileNotWritable extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'The browser does not say why.', { cause });
    this.name = 'FileNotWritable';
  }

  /** A full disk has words of its own. */
  static from(cause: unknown): unknown {
    const isFull = cause instanceof DOMException && cause.name === 'QuotaExceededError';
    return isFull ? cause : new FileNotWritable(cause);
  }
}

/** Gathers a small file and hands it to the browser. */
export class MemorySink implements Sink {
  #chunks: Uint8Array<ArrayBuffer>[] = [];

  async write(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#chunks.push(chunk);
  }

  async finish(fileName: string): Promise<string> {
    // The type is left out, so that no browser opens the file instead of saving it.
    const address = URL.createObjectURL(new Blob(this.#chunks, { type: 'application/octet-stream' }));
    this.#chunks = [];
    const link = document.createElement('a');
    link.href = address;
    link.download = fileName;
    link.click();
    // The browser has begun to read it long before.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return fileName;
  }

  async discard(): Promise<void> {
    this.#chunks = [];
  }
}

type FileHandle = FileSystemFileHandle & { remove?: () => Promise<void> };

/** Writes a large file straight to the disk. The browser writes beside it and moves it into place at the end. */
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

  /** The name is the one that the user chose, and not the service's. */
  async finish(): Promise<string> {
    try {
      await this.stream.close();
    } catch (error) {
      throw FileNotWritable.from(error);
    }
    return this.handle.name;
  }

  async discard(): Promise<void> {
    // A stream that has failed can't be aborted any more.
    await this.stream.abort().catch(() => undefined);
    await removeIfEmpty(this.handle);
  }
}

/** A file that was there before stays as it was; the empty one that choosing a new name made goes. */
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
 * Lets the user choose a file. Needs a click that has just happened.
 *
 * @returns nothing if the user closed the dialog and wants no file.
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
