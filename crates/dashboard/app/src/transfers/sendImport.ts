import type { ImportPlan } from '../api/imports';
import { ServiceUnreachable } from '../api/problem';
import { post, UploadUnanswered } from './send';

/** Sends a file to be imported. The promise resolves with its plan. The plan changes nothing, so it can be sent again. */
export async function sendImport(
  file: File,
  table: string,
  options: URLSearchParams,
  signal: AbortSignal,
  report: (sent: number) => void,
): Promise<ImportPlan> {
  // The form has the name of the file. The browser writes its content type.
  const form = new FormData();
  for (const [name, value] of options) form.append(name, value);
  form.append('file', file);
  try {
    return JSON.parse(await post(`backup/imports/${table}`, file, form, {}, signal, report)) as ImportPlan;
  } catch (error) {
    const isUnknown = error instanceof UploadUnanswered || error instanceof SyntaxError;
    throw isUnknown ? new ServiceUnreachable(error) : error;
  }
}
