import { ProblemAlert } from '../../components/ProblemAlert';
import { VerificationError } from '../../components/VerificationError';
import { LookupNotice } from '../../requests/LookupNotice';
import type { ArchiveActions } from './useArchiveActions';

/** Reports the error of the last action of a backup, or that its outcome is not known yet. */
export function ActionOutcome({ actions: { lookups, error, verification } }: { actions: ArchiveActions }) {
  return (
    <>
      {lookups.map(({ name, lookup }) => (
        <LookupNotice key={name} name={name} lookup={lookup} />
      ))}
      <VerificationError verify={verification} />
      {error && <ProblemAlert error={error} />}
    </>
  );
}
