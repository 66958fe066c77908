// Files that are sent to be imported. They are kept outside the pages, so that a file can be sent again with other
// options without choosing it again.
import { discardImport, type ImportRequest, importParameters, importPlan } from '../api/imports';
import { queries } from '../api/queries';
import { sendImport } from './sendImport';
import { forget, remember } from './stagedImports';
import { enqueue, keptFiles } from './uploads';

/** The number of files to keep. The browser keeps only a reference to each. */
const MAX_FILES = 20;

/** The file of a plan, if it was chosen in this tab since the last reload. */
export function fileOf(plan: string): File | undefined {
  return keptFiles.get(plan);
}

/**
 * Sends a file and returns the id of its plan, or `undefined` if it was refused or cancelled. The new plan replaces the
 * `previous` one, which is discarded.
 */
export async function planImport(
  file: File,
  request: ImportRequest,
  previous?: string,
): Promise<string | undefined> {
  const last = await enqueue(file, { for: 'import', file, request }, async ({ signal, report }) => {
    const plan = await sendImport(file, request.table, importParameters(request), signal, report);
    queries.setQueryData(importPlan(plan.id).queryKey, plan);
    remember(plan, request);
    keepFile(plan.id, file);
    if (previous !== undefined) discardPrevious(previous);
    return { at: 'done', plan: plan.id };
  });
  return last?.at === 'done' ? last.plan : undefined;
}

function keepFile(plan: string, file: File): void {
  keptFiles.set(plan, file);
  const [oldest] = keptFiles.keys();
  if (keptFiles.size > MAX_FILES && oldest !== undefined) keptFiles.delete(oldest);
}

/** If this fails, the plan expires by itself. */
function discardPrevious(id: string): void {
  forgetImport(id);
  discardImport(id).catch(() => undefined);
}

/** Forgets a plan that was applied or discarded, or that no longer exists. */
export function forgetImport(id: string): void {
  forget(id);
  keptFiles.delete(id);
}
