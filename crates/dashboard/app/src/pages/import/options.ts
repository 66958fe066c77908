import { DEFAULT_OPTIONS, type ImportOptions, type ImportPlan, type ImportRequest } from '../../api/imports';
import type { StagedImport } from '../../transfers/stagedImports';

/** The number of options that are not the default. */
export function changedOptions(options: ImportOptions): number {
  const names = Object.keys(DEFAULT_OPTIONS) as (keyof ImportOptions)[];
  return names.filter((name) => JSON.stringify(options[name]) !== JSON.stringify(DEFAULT_OPTIONS[name]))
    .length;
}

/** The request of a plan. The service does not tell all options, so this browser remembers them. */
export function requestOf(plan: ImportPlan, staged: StagedImport | undefined): ImportRequest {
  const { mode, skip_wrong, create_missing } = plan;
  return {
    table: plan.table as ImportRequest['table'],
    options: {
      ...DEFAULT_OPTIONS,
      ...staged?.request.options,
      mode,
      skipWrong: skip_wrong,
      createMissing: create_missing.length > 0,
    },
  };
}
