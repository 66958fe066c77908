import { Button, Stack, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { isSessionEnd } from '../../api/problem';
import { ConfirmInput } from '../../components/ConfirmInput';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { ProblemAlert } from '../../components/ProblemAlert';
import { rows } from '../../locale/format';
import { moveFocus } from '../../shell/focus';
import { DANGER } from '../../theme';
import { start } from '../../transfers/store';
import { TransferRow } from '../../transfers/TransferRow';
import { useTransfers } from '../../transfers/useTransfers';
import { type ClearScope, isConfirmed } from './actions';

/** Asks for the confirmation word. Nothing is cleared without it. */
export function ConfirmClear({
  scope,
  total,
  everything,
  undoNeedsIdentity,
  pending,
  lookup,
  error,
  onCountAgain,
  onConfirm,
  onCancel,
}: {
  scope: ClearScope;
  /** The number of rows that will be deleted. */
  total: number;
  /** The number of all rows. */
  everything: number;
  /** Whether the undo will need the secret key of the backups, which the service does not have. */
  undoNeedsIdentity: boolean;
  pending: boolean;
  /** The notice that is shown while the outcome is not known. */
  lookup: ReactNode;
  /** The error of the last attempt. */
  error: unknown;
  /** Counts again if the plan is outdated. Until then it can't be confirmed. */
  onCountAgain?: () => void;
  onConfirm: () => void;
  onCancel: () => void;
}) {
  // The download of the complete backup, if it was started in this dialog.
  const [openedAt] = useState(Date.now);
  const backup = useTransfers().find(
    ({ source, beganAt }) => source.from === 'table' && source.scope === 'all' && beganAt >= openedAt,
  );
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const word = useRef<HTMLInputElement>(null);
  useEffect(() => moveFocus(word.current), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pending || onCountAgain) return;
    if (isConfirmed(typed, scope)) return onConfirm();
    setWrong(true);
    word.current?.focus();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Notice kind="warning" role="note" title="The service creates a safety backup first">
          <Stack gap="xs" align="flex-start">
            <Text size="sm">
              {rows(total)} will be deleted. You can undo this for a week. If you want a copy of your own,
              download it first.
            </Text>
            {undoNeedsIdentity && (
              <Text size="sm">
                To undo it you will need the secret key of the backups. The service does not have it. Make
                sure that you have the key before you clear.
              </Text>
            )}
            {!backup && (
              <Button size="xs" variant="default" onClick={() => start('all', 'json', everything)}>
                Download everything first
              </Button>
            )}
          </Stack>
        </Notice>
        {backup && <TransferRow transfer={backup} />}
        <ConfirmInput
          ref={word}
          word={scope}
          typed={typed}
          wrong={wrong}
          onType={(text) => {
            setTyped(text);
            setWrong(false);
          }}
        />
        {lookup}
        {error ? (
          <ProblemAlert
            error={error}
            title={
              isSessionEnd(error) ? 'Your session has ended. Nothing was changed.' : 'Nothing was cleared'
            }
            {...(onCountAgain && { again: { label: 'Count again', act: onCountAgain } })}
          />
        ) : null}
        <DialogActions>
          <Button variant="default" onClick={onCancel} disabled={pending && !lookup}>
            {pending ? 'Close' : 'Cancel'}
          </Button>
          <Button type="submit" color={DANGER} loading={pending} disabled={onCountAgain !== undefined}>
            Clear {rows(total)}
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
