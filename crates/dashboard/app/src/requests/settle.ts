// How a request that changes something comes to its outcome, although its answer may be lost: by a connection that is cut, by
// a proxy that answers in the service's place, or by nobody at all. Without an answer nothing is known, so the service is
// asked what became of the request, until it says so.
import type { Job } from '../api/jobs';
import { isSessionEnd, Refusal, Unreachable } from '../api/problem';
import { whileEnded } from '../session/store';

/** What the service knows of a request. */
export type Found<T> =
  | { at: 'done'; result: T }
  | { at: 'failed'; error: Refusal }
  | { at: 'running'; job: Job }
  /** No trace of it: it has not arrived, or it was refused. */
  | { at: 'none' };

/** What is known while the outcome is not. */
export interface Unsettled {
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
export interface Request<T> {
  send: (signal: AbortSignal) => Promise<T>;
  lookUp: () => Promise<Found<T>>;
  /** Called whenever the outcome is still not known. */
  report: (unsettled: Unsettled) => void;
  /** Whether anybody still waits for the outcome. Who has signed out does not. */
  isWanted: () => boolean;
}

/** After how many milliseconds without an answer the service is asked. A large clear may take longer than that. */
const ANSWER_WITHIN = 15_000;

/** How long to wait between two questions; the last one counts for all that follow. */
const PAUSES = [500, 1_000, 2_000, 3_000, 5_000];

/** How many answers without a trace, after the request has failed, mean that it has not been received. */
const WITHOUT_A_TRACE = 3;

/**
 * Sends a request and gives its outcome.
 *
 * @throws {Refusal} if the service has refused it, or it has failed there.
 * @throws {NotReceived} if the service has no trace of it.
 * @throws {OutcomeUnknown} if there is no answer, and the service can be reached but does not say what became of it.
 */
export async function settle<T>({ send, lookUp, report, isWanted }: Request<T>): Promise<T> {
  const controller = new AbortController();
  const answer = send(controller.signal).then(
    (result) => ({ at: 'done', result }) as const,
    (error: unknown) => ({ at: 'error', error }) as const,
  );
  const unsettled: Unsettled = { job: undefined, unanswered: 0 };
  let failure: { cause: unknown } | undefined;
  let withoutTrace = 0;
  try {
    for (let asked = 0; ; asked += 1) {
      const wait = failure === undefined && asked === 0 ? ANSWER_WITHIN : pauseAfter(asked);
      const came = await (failure === undefined ? Promise.race([answer, pause(wait)]) : pause(wait));
      if (came?.at === 'done') return came.result;
      if (came?.at === 'error') {
        if (isOutcome(came.error)) throw came.error;
        failure = { cause: came.error };
      }
      if (!isWanted()) throw new DOMException('Nobody waits for the outcome.', 'AbortError');
      report({ ...unsettled });
      const found = await ask(lookUp, controller.signal);
      unsettled.unanswered = found.at === 'unanswered' ? unsettled.unanswered + 1 : 0;
      if (found.at === 'refused' && failure !== undefined) throw new OutcomeUnknown(found.error);
      if (found.at === 'done') return found.result;
      if (found.at === 'failed') throw found.error;
      if (found.at === 'running') unsettled.job = found.job;
      if (found.at === 'none' && failure !== undefined) {
        // A word of the service itself, which has found no way to begin.
        if (failure.cause instanceof Refusal) throw failure.cause;
        withoutTrace += 1;
        if (withoutTrace >= WITHOUT_A_TRACE) throw new NotReceived(failure.cause);
      }
      report({ ...unsettled });
    }
  } finally {
    // Where the outcome was found otherwise, nobody waits for the answer any more.
    controller.abort();
  }
}

/** What a question came to that brought no answer about the request. */
type NotFound =
  | { at: 'unanswered' }
  /** The session had ended. Somebody has signed in again, or out. */
  | { at: 'signed in again' }
  /** The service does not say it to this account, or it can't be read. Asking again does not help. */
  | { at: 'refused'; error: unknown };

async function ask<T>(lookUp: () => Promise<Found<T>>, signal: AbortSignal): Promise<Found<T> | NotFound> {
  try {
    return await lookUp();
  } catch (error) {
    if (isSessionEnd(error)) {
      await whileEnded(signal);
      return { at: 'signed in again' };
    }
    return isPassing(error) ? { at: 'unanswered' } : { at: 'refused', error };
  }
}

/** Whether asking again may bring an answer: there was none, or the service has none at the moment. */
function isPassing(error: unknown): boolean {
  if (error instanceof Refusal) return error.problem.status >= 500 || error.problem.status === 429;
  return error instanceof Unreachable;
}

/** Whether an error says what became of the request. One of the service in trouble may come while its job goes on. */
function isOutcome(error: unknown): boolean {
  return error instanceof Refusal && error.problem.status < 500;
}

function pauseAfter(asked: number): number {
  return PAUSES[Math.min(asked, PAUSES.length - 1)] ?? 0;
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
