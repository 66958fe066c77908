import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { LookupNotice } from '../requests/LookupNotice';
import type { LookupState } from '../requests/settle';
import { DANGER } from '../theme';
import { DialogActions } from './DialogActions';
import { ProblemAlert } from './ProblemAlert';
import { scrollIntoView } from './scrollIntoView';

/** The end of a form in a dialog: the state of its request, and its buttons. */
export function FormActions({
  request,
  name,
  error = request.error,
  failed,
  action,
  isDangerous = false,
  onCancel,
  children,
}: {
  request: { isPending: boolean; lookup: LookupState | undefined; error: Error | null };
  /** The name of the request, such as `Create a schedule`. */
  name: string;
  /** The error that no field shows; `null` if there is none. */
  error?: unknown;
  /** The title of an error, such as `The schedule was not deleted`. */
  failed?: string;
  /** The text of the button that sends the form. */
  action: string;
  isDangerous?: boolean;
  onCancel: () => void;
  /** Other buttons. */
  children?: ReactNode;
}) {
  return (
    <>
      {request.lookup && <LookupNotice name={name} lookup={request.lookup} />}
      {error ? (
        <div ref={scrollIntoView}>
          <ProblemAlert error={error} {...(failed && { title: failed })} />
        </div>
      ) : null}
      <DialogActions>
        {/* The least dangerous button gets the focus. */}
        <Button variant="default" onClick={onCancel} data-autofocus={isDangerous || undefined}>
          {request.isPending ? 'Close' : 'Cancel'}
        </Button>
        {children}
        <Button type="submit" loading={request.isPending} {...(isDangerous && { color: DANGER })}>
          {action}
        </Button>
      </DialogActions>
    </>
  );
}
