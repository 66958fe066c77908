// Sends a file. `fetch` does not tell how much of a body has gone out; XMLHttpRequest does.
import { SERVICE } from '../api/client';
import { errorFromResponse, isSessionEnd, ServiceUnreachable } from '../api/problem';
import * as session from '../session/store';

/** The browser can't read the file: it was moved or changed since it was chosen, or it is a folder. */
export class FileNotReadable extends Error {
  constructor() {
    super('The browser can’t read the file.');
    this.name = 'FileNotReadable';
  }
}

/** The whole file was sent and no answer came: whether it was added is not known. */
export class UploadUnanswered extends Error {
  constructor() {
    super('The service did not answer after the whole file was sent.');
    this.name = 'UploadUnanswered';
  }
}

/** Sends a file to be added to the archives. Ready when the service has checked it and lists it. */
export function send(
  file: File,
  key: string,
  signal: AbortSignal,
  report: (sent: number) => void,
): Promise<void> {
  const request = new XMLHttpRequest();
  const token = session.token();
  let isSent = false;
  return new Promise((resolve, reject) => {
    request.open('POST', new URL('backup/archives/upload', SERVICE));
    request.setRequestHeader('Authorization', `Bearer ${token ?? ''}`);
    request.setRequestHeader('Idempotency-Key', key);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (event) => report(event.loaded);
    request.upload.onload = () => {
      isSent = true;
    };
    request.onabort = () => reject(signal.reason);
    request.onerror = async () => {
      if (isSent) return reject(new UploadUnanswered());
      reject((await isReadable(file)) ? new ServiceUnreachable() : new FileNotReadable());
    };
    request.onload = async () => {
      if (request.status === 201) return resolve();
      const type = request.getResponseHeader('content-type') ?? '';
      const refusal = await errorFromResponse(
        new Response(request.responseText, { status: request.status, headers: { 'content-type': type } }),
      );
      // Unless a newer session has begun meanwhile.
      if (isSessionEnd(refusal) && token === session.token()) session.expire();
      // A proxy that gave up waiting does not know what became of the file.
      reject(refusal instanceof ServiceUnreachable && isSent ? new UploadUnanswered() : refusal);
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/** Browsers report a file that can't be read like a network that is down. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
