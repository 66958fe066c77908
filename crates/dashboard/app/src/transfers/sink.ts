// Where the pieces of a download go. Whatever it is, a file appears under its name only when it is whole.

export interface Sink {
  write(piece: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The file is whole: it appears. */
  finish(fileName: string): Promise<void>;
  /** It is not: nothing is left of it. */
  discard(): Promise<void>;
}

/** Gathers a small file and hands it to the browser. */
export class MemorySink implements Sink {
  #pieces: Uint8Array<ArrayBuffer>[] = [];

  async write(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#pieces.push(piece);
  }

  async finish(fileName: string): Promise<void> {
    // The type is left out, so that no browser opens the file instead of saving it.
    const address = URL.createObjectURL(new Blob(this.#pieces, { type: 'application/octet-stream' }));
    this.#pieces = [];
    const link = document.createElement('a');
    link.href = address;
    link.download = fileName;
    link.click();
    // The browser has begun to read it long before.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  async discard(): Promise<void> {
    this.#pieces = [];
  }
}

/** Writes a large file straight to the disk. The browser writes beside it and moves it into place at the end. */
export class FileSink implements Sink {
  constructor(
    readonly handle: FileSystemFileHandle & { remove?: () => Promise<void> },
    readonly stream: FileSystemWritableFileStream,
  ) {}

  write(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.stream.write(piece);
  }

  finish(): Promise<void> {
    return this.stream.close();
  }

  /** A file that was there before stays as it was; the empty one that choosing a new name made goes. */
  async discard(): Promise<void> {
    await this.stream.abort();
    const left = await this.handle.getFile();
    if (left.size === 0) await this.handle.remove?.();
  }
}

interface SavePicker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
}

/** Whether this browser can write to a file that the user chooses. */
export function canPickFile(): boolean {
  return 'showSaveFilePicker' in window;
}

/** Lets the user choose a file. Needs a click that has just happened. */
export async function pickFile(suggestedName: string): Promise<FileSink> {
  const handle = await (window as unknown as SavePicker).showSaveFilePicker({ suggestedName });
  return new FileSink(handle, await handle.createWritable());
}
