import { IdentityPrompt } from './IdentityPrompt';
import { ProblemAlert } from './ProblemAlert';
import type { Verification } from './useVerify';

/** The error of a verification. If the service has no key for the backup, this asks for the secret key. */
export function VerificationError({ verify }: { verify: Verification }) {
  if (!verify.error) return null;
  return (
    <ProblemAlert error={verify.error}>
      <IdentityPrompt
        error={verify.error}
        action="Verify with this key"
        pending={verify.isPending}
        onIdentity={verify.repeatWith}
      />
    </ProblemAlert>
  );
}
