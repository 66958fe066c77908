import { Modal } from '@mantine/core';
import type { ClearAction } from './actions';
import { ClearForm } from './ClearForm';

/** The plan, the typed word, then the result: one dialog for the whole of a clear. */
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
      // It may be closed while a clear runs: the page above tells how that ends.
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
