// Follows a running job by its server-sent events. The page still polls, so a broken stream delays nothing for long.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { untilSignedIn } from '../session/store';
import { openStream } from './client';
import { hasEnded, type Job, job as jobQuery, jobs } from './jobs';
import { ProblemError } from './problem';
import { invalidate, queries } from './queries';

/** The milliseconds after which the list of jobs is read again, because another job may have started. */
const LIST_AGE = 5_000;

/** The milliseconds before a broken stream is opened again. */
const PAUSE = 5_000;

/** The states of a job, until it has ended or the stream breaks. */
async function* jobEvents(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  const response = await openStream(`/backup/jobs/${id}/events`, signal);
  const reader = response.body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  for (;;) {
    const next = await reader?.read();
    if (!next || next.done) return;
    const { event, data } = next.value;
    if (event === 'progress' || event === 'ended') yield JSON.parse(data) as Job;
  }
}

/** Shows each state of a job on the page, until the job has ended. Never throws. */
export async function followJob(id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await untilSignedIn(signal);
      for await (const state of jobEvents(id, signal)) {
        publish(state);
        if (!hasEnded(state)) continue;
        invalidate('jobs');
        return;
      }
    } catch (error) {
      // The polling reports every other error.
      if (error instanceof ProblemError && error.problem.status === 404) return;
    }
    await pause(signal);
  }
}

/** Writes the state into the cached answers. */
function publish(state: Job): void {
  queries.setQueryData(jobQuery(state.id).queryKey, state);
  const readAt = queries.getQueryState(jobs.queryKey)?.dataUpdatedAt ?? 0;
  queries.setQueryData(
    jobs.queryKey,
    (list) => list && { ...list, items: list.items.map((each) => (each.id === state.id ? state : each)) },
    // The list keeps its age. Each change of a cached answer postpones its polling.
    { updatedAt: readAt },
  );
  if (Date.now() - readAt > LIST_AGE) queries.refetchQueries({ queryKey: jobs.queryKey });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, PAUSE);
    signal.addEventListener('abort', end);
  });
}
