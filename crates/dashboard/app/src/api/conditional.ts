// Lists are polled, and seldom change. The last answers are cached in memory, never in storage, so that the service
// sends an unchanged list only once (RFC 9110, section 13).
import type { Middleware } from 'openapi-fetch';

const cache = new Map<string, { tag: string; text: string }>();

/** Adds `If-None-Match`, and answers a 304 from the cache. */
export const conditional: Middleware = {
  onRequest({ request }) {
    const last = request.method === 'GET' ? cache.get(request.url) : undefined;
    if (last) request.headers.set('If-None-Match', last.tag);
    return request;
  },
  async onResponse({ request, response }) {
    if (response.status === 304) {
      const last = cache.get(request.url);
      return last && new Response(last.text, { headers: { 'Content-Type': 'application/json' } });
    }
    const tag = response.headers.get('ETag');
    if (request.method === 'GET' && response.ok && tag) {
      const text = await completeText(response.clone());
      if (text !== undefined) cache.set(request.url, { tag, text });
    }
    return undefined;
  },
};

/** The complete text of an answer, or `undefined` if it was truncated: such an answer must not be cached. */
async function completeText(response: Response): Promise<string | undefined> {
  try {
    const text = await response.text();
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

/** Clears the cache, because another user may use the page next. */
export function forgetAnswers(): void {
  cache.clear();
}
