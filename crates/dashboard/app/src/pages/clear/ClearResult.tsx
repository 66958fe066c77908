import { Button, Stack, Text } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { type Cleared, nameOf, TABLES } from '../../api/tables';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { UndoButton } from '../../components/UndoButton';
import { dateTime, number, plural, rows } from '../../locale/format';
import { moveFocus } from '../../shell/focus';
import { ClearPlanTable } from './ClearPlanTable';

export function ClearResult({ cleared, onClose }: { cleared: Cleared; onClose: () => void }) {
  const [restoredRows, setRestoredRows] = useState<number>();
  const doneButton = useRef<HTMLButtonElement>(null);
  // The button that had the focus no longer exists.
  useEffect(() => moveFocus(doneButton.current), []);
  const removed = TABLES.filter((table) => (cleared.removed[table] ?? 0) > 0);
  return (
    <Stack>
      <Notice kind="success" role="status" title={`${rows(cleared.removed_total)} deleted`}>
        <Text size="sm">
          {removed.map((table) => `${nameOf(table)}: ${number(cleared.removed[table] ?? 0)}`).join(', ')}.
          Finished on {dateTime(cleared.cleared_at)}.
          {cleared.undo_until && ` You can undo this until ${dateTime(cleared.undo_until)}.`}
        </Text>
      </Notice>
      <ClearPlanTable scope={cleared.table} plan={cleared} />
      {restoredRows !== undefined && (
        <Notice kind="success" role="status" title="Undone">
          {rows(restoredRows)} {plural(restoredRows, 'was', 'were')} restored.
        </Notice>
      )}
      <DialogActions>
        {restoredRows === undefined && cleared.id && cleared.undo_until && (
          <UndoButton
            id={cleared.id}
            kind="clear"
            what={nameOf(cleared.table).toLowerCase()}
            onDone={setRestoredRows}
          />
        )}
        <Button onClick={onClose} ref={doneButton}>
          Done
        </Button>
      </DialogActions>
    </Stack>
  );
}
