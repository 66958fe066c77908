import type { ReactNode } from 'react';
import { FormDialog } from './FormDialog';
import type { useDialog } from './useDialog';

/** How a form in a dialog ends. */
export interface FormEnd {
  /** Closes the dialog. The page shows the text. */
  onDone: (text: string) => void;
  onCancel: () => void;
}

export interface SavingDialogProps<T> {
  dialog: ReturnType<typeof useDialog<T>>;
  /** Called with the text after a success. */
  onSaved: (text: string) => void;
}

/** The dialogs of a page with a list. After a success they close, and the page shows what was done. */
export function SavingDialog<T>({
  dialog,
  title,
  onSaved,
  children,
}: SavingDialogProps<T> & {
  title: (subject: T) => string;
  children: (subject: T, end: FormEnd) => ReactNode;
}) {
  return (
    <FormDialog dialog={dialog} title={title}>
      {(subject, close) => {
        const onDone = (text: string) => {
          onSaved(text);
          close();
        };
        return children(subject, { onDone, onCancel: close });
      }}
    </FormDialog>
  );
}
