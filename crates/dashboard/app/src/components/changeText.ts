import { type Change, changedTable, type UndoableKind } from '../api/changes';
import { nameOf } from '../api/tables';

/** What a clear or an import did, such as `cleared payments`. */
export function changeText(change: Change): string {
  const table = nameOf(changedTable(change)).toLowerCase();
  return change.kind === 'import' ? `imported a file into ${table}` : `cleared ${table}`;
}

export function isUndoable(kind: Change['kind']): kind is UndoableKind {
  return kind === 'clear' || kind === 'import';
}
