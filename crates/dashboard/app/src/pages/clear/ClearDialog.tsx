import { Modal } from '@mantine/core';
import type { ClearAction } from './actions';
import { ClearForm } from './ClearForm';

/** One dialog for a whole clear: the plan, the confirmation, and the result. */
export function ClearDialog({
  opening,
  opened,
  onClose,
}: {
  opening: { key: number; subject: ClearAction } | undefined;
  opened: boolean;
  onClose: (key: number) => void;
}) {
  const close = () => opening && onClose(opening.key);
  return (
    <Modal
      opened={opened}
      // It can be closed while a clear runs: the page shows the outcome above.
      onClose={close}
      size="lg"
      title={opening && `Clear ${opening.subject.title.toLowerCase()}`}
      returnFocus={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opening && <ClearForm key={opening.key} scope={opening.subject.scope} onClose={close} />}
    </Modal>
  );
}
