// The only client of the API. Paths, bodies and answers have the types of the OpenAPI document: `npm run types`
// generates `schema.d.ts` from it, and a test fails if the types are outdated.
import createClient, { type Middleware } from 'openapi-fetch';
import * as session from '../session/store';
import { conditional } from './conditional';
import { errorFromResponse, isSessionEnd, ServiceUnreachable } from './problem';
import type { paths } from './schema';

/** The URL of the service: the folder above the page. It is correct behind a proxy that adds a path prefix. */
export const SERVICE = new URL('../', document.baseURI);

const bearer: Middleware = {
  onRequest({ request, schemaPath }) {
    const token = session.token();
    // The path of the session uses the cookie. Its errors say nothing about the token.
    if (token && schemaPath !== '/auth/session') request.headers.set('Authorization', `Bearer ${token}`);
    return request;
  },
  onError: ({ error }) => new ServiceUnreachable(error),
  async onResponse({ request, response, schemaPath }) {
    if (response.ok) return completeResponse(response);
    if (schemaPath === '/backup/health' && isFailingHealth(response)) {
      const { headers } = response;
      return completeResponse(new Response(response.body, { headers }));
    }
    throw await errorOf(request, response);
  },
};

/** Whether an answer is the health `failing`. It has the status 503 for monitors, and is no problem document. */
function isFailingHealth({ status, headers }: Response): boolean {
  return status === 503 && (headers.get('Content-Type') ?? '').startsWith('application/json');
}

/** Reads the answer to its end. A truncated answer, or the error page of a proxy, is no answer of the service. */
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
// Response middlewares run in reverse order: `conditional` replaces a 304 before `bearer` checks the status.
client.use(bearer, conditional);

/** The body of a successful answer. Errors were thrown before. */
export function body<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new ServiceUnreachable();
  return answer.data;
}

/** Sends a request whose answer is read as a stream, such as a download. */
export async function openStream(
  path: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  const url = new URL(path.replace(/^\//, ''), SERVICE);
  const request = new Request(url, { signal, cache: 'no-store', headers });
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

/** The error of a failed request. A rejected token ends the session, unless a newer session has begun meanwhile. */
async function errorOf(request: Request, response: Response) {
  const error = await errorFromResponse(response);
  const sent = request.headers.get('Authorization');
  if (isSessionEnd(error) && sent === `Bearer ${session.token()}`) session.expire();
  return error;
}
