// Finds the outcome of a request that changes something, even if its answer is lost: the connection may break, or a
// proxy may answer instead of the service. Without an answer the outcome is not known, so the page looks it up until
// the service knows it.
import type { Job } from '../api/jobs';
import { isSessionEnd, ProblemError, ServiceUnreachable } from '../api/problem';
import { untilSignedIn } from '../session/store';

/** What the service knows about a request. */
export type LookupResult<T> =
  | { at: 'done'; result: T }
  | { at: 'failed'; error: ProblemError }
  | { at: 'running'; job: Job }
  /** There is no record of the request: it has not arrived, or it was refused. */
  | { at: 'none' };

/** The state of a lookup while the outcome is not known. */
export interface LookupState {
  /** The job of the request, with its progress. */
  job: Job | undefined;
  /** The number of consecutive lookups without an answer. */
  unanswered: number;
}

/** The service has no record of the request. Sent again with the same key, the request is executed once. */
export class NotReceived extends Error {
  constructor(cause?: unknown) {
    super('The service has no record of the request.', { cause });
    this.name = 'NotReceived';
  }
}

/** The service does not tell the outcome, or its answer can't be read. The request may have been executed. */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('The outcome of the request can’t be looked up.', { cause });
    this.name = 'OutcomeUnknown';
  }
}

/** A request, and how to look up its outcome. */
export interface SettleOptions<T> {
  send: (signal: AbortSignal) => Promise<T>;
  lookUp: () => Promise<LookupResult<T>>;
  /** Reports that the outcome is still not known. */
  report: (lookup: LookupState) => void;
  /** Whether the outcome is still needed. After a sign-out it is not. */
  isWanted: () => boolean;
}

/** The milliseconds to wait for an answer before the first lookup. A large clear may take longer. */
const ANSWER_TIMEOUT = 15_000;

/** The milliseconds between lookups. The last value is used for all later lookups. */
const PAUSES = [500, 1_000, 2_000, 3_000, 5_000];

/** If the request has failed, so many lookups without a record mean that the service has not received it. */
const MAX_WITHOUT_TRACE = 3;

/**
 * Sends a request and returns its outcome.
 *
 * @throws {ProblemError} if the service refused the request, or its job failed.
 * @throws {NotReceived} if the service has no record of it.
 * @throws {OutcomeUnknown} if there is no answer, and the service does not tell the outcome.
 */
export async function settle<T>({ send, lookUp, report, isWanted }: SettleOptions<T>): Promise<T> {
  const controller = new AbortController();
  const answer = send(controller.signal).then(
    (result) => ({ at: 'done', result }) as const,
    (error: unknown) => ({ at: 'error', error }) as const,
  );
  const lookup: LookupState = { job: undefined, unanswered: 0 };
  let failure: { cause: unknown } | undefined;
  let withoutTrace = 0;
  try {
    for (let attempt = 0; ; attempt += 1) {
      const wait = failure === undefined && attempt === 0 ? ANSWER_TIMEOUT : pauseAfter(attempt);
      const arrived = await (failure === undefined ? Promise.race([answer, pause(wait)]) : pause(wait));
      if (arrived?.at === 'done') return arrived.result;
      if (arrived?.at === 'error') {
        if (isOutcome(arrived.error)) throw arrived.error;
        failure = { cause: arrived.error };
      }
      if (!isWanted()) throw new DOMException('The outcome is no longer needed.', 'AbortError');
      report({ ...lookup });
      const found = await tryLookUp(lookUp, controller.signal);
      lookup.unanswered = found.at === 'unanswered' ? lookup.unanswered + 1 : 0;
      if (found.at === 'refused' && failure !== undefined) throw new OutcomeUnknown(found.error);
      if (found.at === 'done') return found.result;
      if (found.at === 'failed') throw found.error;
      if (found.at === 'running') lookup.job = found.job;
      if (found.at === 'none' && failure !== undefined) {
        // The service itself answered that it could not start.
        if (failure.cause instanceof ProblemError) throw failure.cause;
        withoutTrace += 1;
        if (withoutTrace >= MAX_WITHOUT_TRACE) throw new NotReceived(failure.cause);
      }
      report({ ...lookup });
    }
  } finally {
    // If a lookup found the outcome, the answer is no longer needed.
    controller.abort();
  }
}

/** A lookup that found nothing about the request. */
type LookupFailure =
  | { at: 'unanswered' }
  /** The session had ended, and the user has signed in again or out. */
  | { at: 'signed in again' }
  /** This account may not look it up, or the answer can't be read. Another attempt does not help. */
  | { at: 'refused'; error: unknown };

async function tryLookUp<T>(
  lookUp: () => Promise<LookupResult<T>>,
  signal: AbortSignal,
): Promise<LookupResult<T> | LookupFailure> {
  try {
    return await lookUp();
  } catch (error) {
    if (isSessionEnd(error)) {
      await untilSignedIn(signal);
      return { at: 'signed in again' };
    }
    return isTemporary(error) ? { at: 'unanswered' } : { at: 'refused', error };
  }
}

/** Whether another attempt may succeed: there was no answer, or the service is busy. */
function isTemporary(error: unknown): boolean {
  if (error instanceof ProblemError) return error.problem.status >= 500 || error.problem.status === 429;
  return error instanceof ServiceUnreachable;
}

/** Whether an error is the outcome of the request. A server error may arrive while the job continues. */
function isOutcome(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.status < 500;
}

function pauseAfter(asked: number): number {
  return PAUSES[Math.min(asked, PAUSES.length - 1)] ?? 0;
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
