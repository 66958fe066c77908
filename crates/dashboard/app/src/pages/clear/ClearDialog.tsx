import { Modal } from '@mantine/core';
import type { Action } from './actions';
import { ClearSteps } from './ClearSteps';

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
  return (
    <Modal
      opened={opened}
      // It may be closed while a clear runs: the page above tells how that ends.
      onClose={onClose}
      size="lg"
      title={action && `Clear ${action.title.toLowerCase()}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {/* Mounted anew each time it opens: nothing typed and nothing counted is left of the last time. */}
      {action && <ClearSteps scope={action.scope} onClose={onClose} />}
    </Modal>
  );
}
