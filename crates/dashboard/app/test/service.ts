// The service of the component tests: answers by operation, such as `GET /backup/schedules`. A setup file, because the
// client of the API keeps the `fetch` that it finds when it is loaded.
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { ProblemDocument } from '../src/api/problem';

export interface SentRequest {
  query: Record<string, string>;
  headers: Headers;
  body: unknown;
}

/** The answer to each request of an operation: JSON, or a function that makes it. */
type Answer = object | ((request: SentRequest) => Promise<Response> | Response | object);

const answers = new Map<string, Answer>();
const requests: { operation: string; request: SentRequest }[] = [];
/** The operations that no test has answered. */
let unexpected: string[] = [];

/** Answers the requests of an operation from now on. */
export function answer(operation: string, with_: Answer): void {
  answers.set(operation, with_);
}

/** The requests of an operation, in their order. */
export function sent(operation: string): SentRequest[] {
  return requests.filter((each) => each.operation === operation).map(({ request }) => request);
}

export function json(value: unknown, status = 200): Response {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return new Response(JSON.stringify(value), { status, headers: { 'Content-Type': type } });
}

/** A refusal of the service. */
export function refusal(
  status: number,
  code: ProblemDocument['code'],
  changed: Partial<ProblemDocument> = {},
): () => Response {
  const title = 'The request was refused';
  const detail = `\`${code}\` for programs.`;
  return () =>
    json({ type: 'about:blank', title, status, detail, code, request_id: 'request-1', ...changed }, status);
}

/** A list of which everything is on one page. */
export const pageOf = (items: readonly object[]) => ({ items, total: items.length, limit: 50, offset: 0 });

async function fetchStub(input: Request | URL): Promise<Response> {
  const request = input instanceof Request ? input : new Request(input);
  const url = new URL(request.url);
  const operation = `${request.method} ${url.pathname.replace(/^\/campus/, '')}`;
  const text = await request.text();
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  const made = { query: Object.fromEntries(url.searchParams), headers: request.headers, body };
  requests.push({ operation, request: made });
  const found = answers.get(operation);
  if (found === undefined) {
    unexpected.push(operation);
    return json({}, 500);
  }
  const given = typeof found === 'function' ? await found(made) : found;
  return given instanceof Response ? given : json(given);
}

vi.stubGlobal('fetch', fetchStub);
document.documentElement.lang = 'en';
vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-GB']);

beforeEach(() => {
  answers.clear();
  requests.length = 0;
  unexpected = [];
  // After each refused request the page looks for its job.
  answer('GET /backup/jobs', pageOf([]));
});

afterEach(() => expect(unexpected, 'requests without an answer').toEqual([]));
