import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import type { useDialog } from './useDialog';

/** The dialog of a page. Its content belongs to one opening, and starts empty at the next one. */
export function FormDialog<T>({
  dialog: { opened, opening, close },
  title,
  size = 'md',
  children,
}: {
  dialog: ReturnType<typeof useDialog<T>>;
  title: (subject: T) => string;
  size?: 'md' | 'lg';
  children: (subject: T, close: () => void) => ReactNode;
}) {
  const onClose = () => opening && close(opening.key);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      // A click beside the dialog would discard the inputs, or a secret that is shown once.
      closeOnClickOutside={false}
      returnFocus={false}
      size={size}
      title={opening && title(opening.subject)}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opening && <div key={opening.key}>{children(opening.subject, onClose)}</div>}
    </Modal>
  );
}
