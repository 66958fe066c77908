import { Button } from '@mantine/core';
import { ProblemAlert } from '../components/ProblemAlert';

/** Says that code could not be loaded, and offers a new attempt and a reload. */
export function CodeProblem({ error, onAgain }: { error: Error; onAgain: () => void }) {
  return (
    <ProblemAlert error={error} again={{ label: 'Try again', act: onAgain }}>
      <Button size="xs" variant="default" onClick={() => window.location.reload()}>
        Reload the dashboard
      </Button>
    </ProblemAlert>
  );
}
