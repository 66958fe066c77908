import { useMutation } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { invalidate } from '../../api/queries';
import { backupName } from '../../components/backupName';
import { nameOfVerification, useVerify, type VerificationLevel } from '../../components/useVerify';
import { isolated } from '../../locale/language';
import { lookUpChange } from '../../requests/lookUp';
import type { LookupState } from '../../requests/settle';
import { useRequest } from '../../requests/useRequest';
import { openPage } from '../../transfers/link';
import { downloadByLink } from '../../transfers/store';

const protectionOutcome = (isProtected: boolean) =>
  isProtected ? 'The backup is protected from deletion.' : 'The backup is no longer protected from deletion.';

/** The actions of a backup that need no dialog. `error` is that of the last action, unless it was a verification. */
export function useArchiveActions(archive: Archive) {
  const path = { id: archive.id };
  const name = backupName(archive);
  const verify = useVerify(archive.id, name);
  const nameProtection = (isProtected: boolean) =>
    `${isProtected ? 'Protect' : 'Remove the protection of'} “${isolated(name)}”`;
  const protect = useRequest({
    name: nameProtection,
    send: async (isProtected: boolean, _, signal) => {
      await client.PATCH('/backup/archives/{id}', {
        params: { path },
        body: { protected: isProtected },
        signal,
      });
      return true as const;
    },
    lookUp: (isProtected) => lookUpChange(archive.id, { protected: isProtected }),
    trace: (isProtected) => ({
      by: 'archive',
      id: archive.id,
      expected: { protected: isProtected },
      done: protectionOutcome(isProtected),
    }),
    done: (_, isProtected) => protectionOutcome(isProtected),
    // Also after a failure: the archive may have been deleted.
    onSettled: () => invalidate('archives'),
  });
  const download = useMutation({
    mutationFn: () => downloadByLink(`Backup “${isolated(name)}”`, `/backup/archives/${archive.id}/file`),
  });
  const certificate = useMutation({
    mutationFn: () => openPage(`/backup/archives/${archive.id}/certificate?format=html`),
  });
  // Shows only the error of the last action.
  const start = (action: () => void) => {
    for (const each of [verify, protect, download, certificate]) if (each.isError) each.reset();
    action();
  };
  const lookups: { name: string; lookup: LookupState }[] = [];
  if (verify.lookup && verify.variables) {
    lookups.push({ name: nameOfVerification(verify.variables.level, name), lookup: verify.lookup });
  }
  if (protect.lookup && protect.variables !== undefined) {
    lookups.push({ name: nameProtection(protect.variables), lookup: protect.lookup });
  }
  return {
    verify: (level: VerificationLevel) => start(() => verify.mutate({ level })),
    protect: (isProtected: boolean) => start(() => protect.mutate(isProtected)),
    download: () => start(() => download.mutate()),
    showCertificate: () => start(() => certificate.mutate()),
    isProtecting: protect.isPending,
    isVerifying: verify.isPending,
    verification: verify,
    lookups,
    error: protect.error ?? download.error ?? certificate.error,
  };
}

export type ArchiveActions = ReturnType<typeof useArchiveActions>;
