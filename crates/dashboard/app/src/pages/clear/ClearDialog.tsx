import { Modal } from '@mantine/core';
import type { Action } from './actions';
import { ClearSteps } from './ClearSteps';

/** The plan, the typed word, then the result: one dialog for the whole of a clear. */
export function ClearDialog({
  opening,
  opened,
  onClose,
}: {
  opening: { key: number; subject: Action } | undefined;
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
      {opening && <ClearSteps key={opening.key} scope={opening.subject.scope} onClose={close} />}
    </Modal>
  );
}
