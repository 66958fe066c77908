import { Modal } from '@mantine/core';
import { useIsMutating } from '@tanstack/react-query';
import type { Action } from './actions';
import { CLEARING, ClearSteps } from './ClearSteps';

/** The plan, the typed word, then the result: one dialog for the whole of a clear. */
export function ClearDialog({
  action,
  opened,
  onClose,
}: {
  action: Action | undefined;
  opened: boolean;
  onClose: () => void;
}) {
  // Whoever started a clear should see how it ended.
  const clearing = useIsMutating({ mutationKey: CLEARING }) > 0;
  return (
    <Modal
      opened={opened}
      onClose={() => {
        if (!clearing) onClose();
      }}
      size="lg"
      title={action && `Clear ${action.title.toLowerCase()}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {/* Mounted anew each time it opens: nothing typed and nothing counted is left of the last time. */}
      {action && <ClearSteps scope={action.scope} onClose={onClose} />}
    </Modal>
  );
}
