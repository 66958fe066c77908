import type { components } from './schema';

/** The problem document that the service sends with an error (RFC 9457). */
export type ProblemDocument = components['schemas']['Problem'];

/** The service refused a request with a problem document. */
export class ProblemError extends Error {
  /** The seconds to wait before a new attempt, if the service named them. */
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

/** There was no answer, or the answer did not come from this service. */
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

/** Whether an error means that an archive does not exist. */
export function isGone(error: unknown): boolean {
  return error instanceof ProblemError && ['archive_gone', 'unknown_archive'].includes(error.problem.code);
}

/** Converts an unsuccessful answer into an error. A proxy's own error page says nothing about the service. */
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
