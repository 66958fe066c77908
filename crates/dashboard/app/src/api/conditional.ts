// Lists are asked for again and again, and seldom change. Their last answers are kept, in memory and in no storage, so that
// the service need not send them again (RFC 9110, section 13).
import type { Middleware } from 'openapi-fetch';

const cache = new Map<string, { tag: string; text: string }>();

/** Asks for an answer on the condition that it is another one than the last time. */
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

/** The text of an answer; none of one that was cut, which must not be shown again. */
async function completeText(response: Response): Promise<string | undefined> {
  try {
    const text = await response.text();
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

/** Forgets all answers: somebody else may use the page next. */
export function forgetAnswers(): void {
  cache.clear();
}
