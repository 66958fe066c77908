// How a request that changes something comes to its outcome, although its answer may be lost: by a connection that is cut, by
// a proxy that answers in the service's place, or by nobody at all. Without an answer nothing is known, so the service is
// asked what became of the request, until it says so.
import type { Job } from '../api/jobs';
import { isSessionEnd, ProblemError, ServiceUnreachable } from '../api/problem';
import { untilSignedIn } from '../session/store';

/** What the service knows of a request. */
export type LookupResult<T> =
  | { at: 'done'; result: T }
  | { at: 'failed'; error: ProblemError }
  | { at: 'running'; job: Job }
  /** No trace of it: it has not arrived, or it was refused. */
  | { at: 'none' };

/** What is known while the outcome is not. */
export interface LookupState {
  /** The job that does it, as far as it has come. */
  job: Job | undefined;
  /** How often in a row the service could not be asked. */
  unanswered: number;
}

/** The service has no trace of a request. It is done once if it is sent again under the same key. */
export class NotReceived extends Error {
  constructor(cause?: unknown) {
    super('The service has no record of the request.', { cause });
    this.name = 'NotReceived';
  }
}

/** The service refuses to say what became of a request, or its answer can't be read: the request may have been done. */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('The outcome of the request can’t be looked up.', { cause });
    this.name = 'OutcomeUnknown';
  }
}

/** A request, and how to ask what became of it. */
export interface SettleOptions<T> {
  send: (signal: AbortSignal) => Promise<T>;
  lookUp: () => Promise<LookupResult<T>>;
  /** Called whenever the outcome is still not known. */
  report: (lookup: LookupState) => void;
  /** Whether anybody still waits for the outcome. Who has signed out does not. */
  isWanted: () => boolean;
}

/** After how many milliseconds without an answer the service is asked. A large clear may take longer than that. */
const ANSWER_TIMEOUT = 15_000;

/** How long to wait between two questions; the last one counts for all that follow. */
const PAUSES = [500, 1_000, 2_000, 3_000, 5_000];

/** How many answers without a trace, after the request has failed, mean that it has not been received. */
const MAX_WITHOUT_TRACE = 3;

/**
 * Sends a request and gives its outcome.
 *
 * @throws {ProblemError} if the service has refused it, or it has failed there.
 * @throws {NotReceived} if the service has no trace of it.
 * @throws {OutcomeUnknown} if there is no answer, and the service can be reached but does not say what became of it.
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
      if (!isWanted()) throw new DOMException('Nobody waits for the outcome.', 'AbortError');
      report({ ...lookup });
      const found = await tryLookUp(lookUp, controller.signal);
      lookup.unanswered = found.at === 'unanswered' ? lookup.unanswered + 1 : 0;
      if (found.at === 'refused' && failure !== undefined) throw new OutcomeUnknown(found.error);
      if (found.at === 'done') return found.result;
      if (found.at === 'failed') throw found.error;
      if (found.at === 'running') lookup.job = found.job;
      if (found.at === 'none' && failure !== undefined) {
        // A word of the service itself, which has found no way to begin.
        if (failure.cause instanceof ProblemError) throw failure.cause;
        withoutTrace += 1;
        if (withoutTrace >= MAX_WITHOUT_TRACE) throw new NotReceived(failure.cause);
      }
      report({ ...lookup });
    }
  } finally {
    // Where the outcome was found otherwise, nobody waits for the answer any more.
    controller.abort();
  }
}

/** What a question came to that brought no answer about the request. */
type LookupFailure =
  | { at: 'unanswered' }
  /** The session had ended. Somebody has signed in again, or out. */
  | { at: 'signed in again' }
  /** The service does not say it to this account, or it can't be read. Asking again does not help. */
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

/** Whether asking again may bring an answer: there was none, or the service has none at the moment. */
function isTemporary(error: unknown): boolean {
  if (error instanceof ProblemError) return error.problem.status >= 500 || error.problem.status === 429;
  return error instanceof ServiceUnreachable;
}

/** Whether an error says what became of the request. One of the service in trouble may come while its job goes on. */
function isOutcome(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.status < 500;
}

function pauseAfter(asked: number): number {
  return PAUSES[Math.min(asked, PAUSES.length - 1)] ?? 0;
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
