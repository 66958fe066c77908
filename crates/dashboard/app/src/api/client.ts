// The one place that speaks with the service. Paths, bodies and answers have the types of its own document:
// `npm run types` makes `schema.d.ts` from it, and a test fails if that was forgotten.
import createClient, { type Middleware } from 'openapi-fetch';
import * as session from '../session/store';
import { conditional } from './conditional';
import { errorFromResponse, isSessionEnd, ServiceUnreachable } from './problem';
import type { paths } from './schema';

/** The service's address: the folder above the page's, also behind a proxy that puts both under a path. */
export const SERVICE = new URL('../', document.baseURI);

const bearer: Middleware = {
  onRequest({ request, schemaPath }) {
    const token = session.token();
    // The session's own path goes by its cookie: its refusal is not one of the token.
    if (token && schemaPath !== '/auth/session') request.headers.set('Authorization', `Bearer ${token}`);
    return request;
  },
  onError: ({ error }) => new ServiceUnreachable(error),
  async onResponse({ request, response }) {
    if (response.ok) return completeResponse(response);
    throw await errorOf(request, response);
  },
};

/** An answer that has come to its end. Half of one, or the page of a proxy, is none. */
async function completeResponse(response: Response): Promise<Response> {
  if (response.status === 204) return response;
  try {
    const text = await response.text();
    JSON.parse(text);
    return new Response(text, response);
  } catch (cause) {
    throw new ServiceUnreachable(cause);
  }
}

export const client = createClient<paths>({ baseUrl: SERVICE.href.replace(/\/$/, '') });
// Answers pass the last one first: what has not changed is an answer before `bearer` looks for refusals.
client.use(bearer, conditional);

/** The body of an answer, which is a success: all else was thrown. */
export function body<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new ServiceUnreachable();
  return answer.data;
}

/** A request whose answer is read as it comes, such as a download. */
export async function openStream(path: string, signal: AbortSignal): Promise<Response> {
  const request = new Request(new URL(path.replace(/^\//, ''), SERVICE), { signal, cache: 'no-store' });
  request.headers.set('Authorization', `Bearer ${session.token() ?? ''}`);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (cause) {
    throw signal.aborted ? cause : new ServiceUnreachable(cause);
  }
  if (response.ok) return response;
  throw await errorOf(request, response);
}

/** The error of a refused request. The session ends with its token, unless a newer one has begun meanwhile. */
async function errorOf(request: Request, response: Response) {
  const error = await errorFromResponse(response);
  const sent = request.headers.get('Authorization');
  if (isSessionEnd(error) && sent === `Bearer ${session.token()}`) session.expire();
  return error;
}
