// What the deletion of several backups means, before anything is deleted.
import { type Archive, newestFirst } from '../../api/archives';
import type { Change } from '../../api/changes';

export interface DeletionPreview {
  /** The backups that can be deleted, newest first. */
  deletable: Archive[];
  /** They are not deleted. */
  protected: Archive[];
  /** The changes that can't be undone without one of these backups. */
  undos: Change[];
  bytes: number;
}

export function deletionPreview(selected: readonly Archive[], undoable: readonly Change[]): DeletionPreview {
  const deletable = newestFirst(selected.filter((each) => !each.protected));
  const ids = new Set(deletable.map(({ id }) => id));
  return {
    deletable,
    protected: selected.filter((each) => each.protected),
    undos: undoable.filter(
      ({ safety_archive_id }) => safety_archive_id != null && ids.has(safety_archive_id),
    ),
    bytes: deletable.reduce((sum, { size }) => sum + size, 0),
  };
}
