import { Alert, Button, Stack, Text } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { type Cleared, nameOf, TABLES } from '../../api/tables';
import { dateTime, number, plural, rows } from '../../locale/format';
import { DialogActions } from '../../parts/DialogActions';
import { Icon } from '../../parts/Icon';
import { moveFocus } from '../../shell/focus';
import { PlanTable } from './PlanTable';
import { Undo } from './RecentClears';

export function Result({ cleared, onClose }: { cleared: Cleared; onClose: () => void }) {
  const [back, setBack] = useState<number>();
  const done = useRef<HTMLButtonElement>(null);
  // What had the focus, the button that clears, is gone.
  useEffect(() => moveFocus(done.current), []);
  const removed = TABLES.filter((table) => (cleared.removed[table] ?? 0) > 0);
  return (
    <Stack>
      <Alert
        role="status"
        variant="light"
        color="green"
        icon={<Icon name="check" />}
        title={`${rows(cleared.removed_total)} removed`}
      >
        <Text size="sm">
          {removed.map((table) => `${nameOf(table)}: ${number(cleared.removed[table] ?? 0)}`).join(', ')}.
          Done on {dateTime(cleared.cleared_at)}.
          {cleared.undo_until && ` It can be undone until ${dateTime(cleared.undo_until)}.`}
        </Text>
      </Alert>
      <PlanTable scope={cleared.table} plan={cleared} />
      {back !== undefined && (
        <Alert role="status" variant="light" color="green" icon={<Icon name="check" />} title="Undone">
          {rows(back)} {plural(back, 'is', 'are')} back.
        </Alert>
      )}
      <DialogActions>
        {back === undefined && cleared.id && cleared.undo_until && (
          <Undo id={cleared.id} what={nameOf(cleared.table).toLowerCase()} onDone={setBack} />
        )}
        <Button onClick={onClose} ref={done}>
          Done
        </Button>
      </DialogActions>
    </Stack>
  );
}
