import type { components } from './schema';

/** What the service says when it does not do as asked (RFC 9457). */
export type ProblemDocument = components['schemas']['Problem'];

/** A refusal of the service. */
export class ProblemError extends Error {
  /** Seconds after which it is worth asking again, if the service named some. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly problem: ProblemDocument,
    retryAfter?: number,
  ) {
    super(problem.detail);
    this.name = 'ProblemError';
    this.retryAfter = retryAfter;
  }
}

/** There was no answer, or none of this service. */
export class ServiceUnreachable extends Error {
  constructor(cause?: unknown) {
    super('The service did not answer.', { cause });
    this.name = 'ServiceUnreachable';
  }
}

/** Whether an error means that the session has ended. */
export function isSessionEnd(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.code === 'unauthenticated';
}

/** Whether an error means that an archive is not there. */
export function isGone(error: unknown): boolean {
  return error instanceof ProblemError && ['archive_gone', 'unknown_archive'].includes(error.problem.code);
}

/** What an answer that is no success means. A proxy's page of its own is not a word of the service. */
export async function errorFromResponse(response: Response): Promise<ProblemError | ServiceUnreachable> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json')) return new ServiceUnreachable(response.status);
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  try {
    const problem = (await response.json()) as ProblemDocument;
    return new ProblemError(problem, Number.isNaN(seconds) ? undefined : seconds);
  } catch (cause) {
    return new ServiceUnreachable(cause);
  }
}
