import { Notice } from './Notice';

/** The last success on a page, until the next one or until it is closed. */
export function SavedNotice({ text, onClose }: { text: string | undefined; onClose: () => void }) {
  if (text === undefined) return null;
  return (
    <Notice
      kind="success"
      role="status"
      title={text}
      withCloseButton
      closeButtonLabel="Close the message"
      onClose={onClose}
    />
  );
}
