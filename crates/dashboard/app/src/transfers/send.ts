// Sends a file. XMLHttpRequest reports the upload progress, `fetch` does not.
import { SERVICE } from '../api/client';
import { errorFromResponse, isSessionEnd, ServiceUnreachable } from '../api/problem';
import * as session from '../session/store';

/** The browser can't read the file: it was moved or changed after it was chosen, or it is a folder. */
export class FileNotReadable extends Error {
  constructor() {
    super('The browser can’t read the file.');
    this.name = 'FileNotReadable';
  }
}

/** The whole file was sent, and there was no answer. It is not known whether the service has accepted it. */
export class UploadUnanswered extends Error {
  constructor() {
    super('The service did not answer after the whole file was sent.');
    this.name = 'UploadUnanswered';
  }
}

/** Uploads a backup file. The promise resolves when the service has checked the file and added it. */
export async function send(
  file: File,
  key: string,
  signal: AbortSignal,
  report: (sent: number) => void,
): Promise<void> {
  const headers = { 'Idempotency-Key': key, 'Content-Type': 'application/octet-stream' };
  await post('backup/archives/upload', file, file, headers, signal, report);
}

/** Sends a body with a file, and returns the body of the answer. */
export function post(
  path: string,
  file: File,
  body: File | FormData,
  headers: Record<string, string>,
  signal: AbortSignal,
  report: (sent: number) => void,
): Promise<string> {
  const request = new XMLHttpRequest();
  const token = session.token();
  let isSent = false;
  return new Promise((resolve, reject) => {
    request.open('POST', new URL(path, SERVICE));
    request.setRequestHeader('Authorization', `Bearer ${token ?? ''}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
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
      if (request.status === 201) return resolve(request.responseText);
      const type = request.getResponseHeader('content-type') ?? '';
      const refusal = await errorFromResponse(
        new Response(request.responseText, { status: request.status, headers: { 'content-type': type } }),
      );
      // Unless a newer session has begun meanwhile.
      if (isSessionEnd(refusal) && token === session.token()) session.expire();
      // If a proxy stopped waiting, the outcome is not known.
      reject(refusal instanceof ServiceUnreachable && isSent ? new UploadUnanswered() : refusal);
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}

/** Browsers report an unreadable file as a network error. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
