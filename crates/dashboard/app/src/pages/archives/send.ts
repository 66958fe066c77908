// Sends a file. `fetch` does not tell how much of a body has gone out; XMLHttpRequest does.
import { SERVICE } from '../../api/client';
import { isSessionEnd, refusalOf, Unreachable } from '../../api/problem';
import * as session from '../../session/store';

export interface Sending {
  /** Ready when the service has checked the file and lists it. */
  answered: Promise<void>;
  stop: () => void;
}

export function send(file: File, told: (sent: number) => void): Sending {
  const request = new XMLHttpRequest();
  const answered = new Promise<void>((resolve, reject) => {
    request.open('POST', new URL('backup/archives/upload', SERVICE));
    request.setRequestHeader('Authorization', `Bearer ${session.token() ?? ''}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (event) => told(event.loaded);
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    request.onerror = () => reject(new Unreachable());
    request.onload = async () => {
      if (request.status === 201) return resolve();
      const type = request.getResponseHeader('content-type') ?? '';
      const refusal = await refusalOf(
        new Response(request.responseText, { status: request.status, headers: { 'content-type': type } }),
      );
      if (isSessionEnd(refusal)) session.expire();
      reject(refusal);
    };
    request.send(file);
  });
  return { answered, stop: () => request.abort() };
}
