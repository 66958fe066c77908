import { useEffect, useRef, useState } from 'react';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { isGone } from '../../api/problem';
import { invalidate } from '../../api/queries';
import { backupName } from '../../components/backupName';
import { isolated } from '../../locale/language';
import { lookUpDeletion } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';

export interface FailedDeletion {
  archive: Archive;
  error: unknown;
}

export interface BulkDeletion {
  at: 'idle' | 'running' | 'ended';
  deleted: Archive[];
  failed: FailedDeletion[];
}

interface Deletion {
  archive: Archive;
  force: boolean;
}

const doneText = (archive: Archive) => `“${isolated(backupName(archive))}” was deleted.`;
const nameOf = ({ archive }: Deletion) => `Delete “${isolated(backupName(archive))}”`;

/** Deletes backups one after the other. Each deletion has its own outcome, and one that fails does not stop the others. */
export function useBulkDeletion(onDeleted?: (archives: readonly Archive[]) => void) {
  const [state, setState] = useState<BulkDeletion>({ at: 'idle', deleted: [], failed: [] });
  const isStopped = useRef(false);
  // If the dialog is closed, the current deletion is the last one. The status area reports its outcome.
  useEffect(
    () => () => {
      isStopped.current = true;
    },
    [],
  );
  const deletion = useRequest({
    name: nameOf,
    send: async ({ archive, force }: Deletion, _, signal) => {
      const query = force ? { force } : {};
      await client.DELETE('/backup/archives/{id}', {
        params: { path: { id: archive.id }, query },
        signal,
      });
      return true as const;
    },
    lookUp: ({ archive }) => lookUpDeletion(archive.id),
    trace: ({ archive }) => ({
      by: 'archive',
      id: archive.id,
      expected: 'deleted',
      done: doneText(archive),
    }),
    done: (_, { archive }) => doneText(archive),
  });
  const start = async (archives: readonly Archive[], force: boolean) => {
    isStopped.current = false;
    const before = state.deleted;
    const deleted: Archive[] = [];
    const failed: FailedDeletion[] = [];
    const report = (at: BulkDeletion['at']) =>
      setState({ at, deleted: [...before, ...deleted], failed: [...failed] });
    report('running');
    for (const archive of archives) {
      if (isStopped.current) break;
      try {
        await deletion.mutateAsync({ archive, force });
        deleted.push(archive);
      } catch (error) {
        // Another user has deleted it meanwhile.
        if (isGone(error)) deleted.push(archive);
        else failed.push({ archive, error });
      }
      report('running');
    }
    invalidate('archives', 'changes');
    onDeleted?.(deleted);
    report('ended');
  };
  return {
    state,
    start,
    /** Deletes nothing after the current backup. */
    stop: () => {
      isStopped.current = true;
    },
    lookup:
      deletion.lookup && deletion.variables
        ? { name: nameOf(deletion.variables), state: deletion.lookup }
        : undefined,
  };
}
