import { Button, Stack } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { usePages } from '../../api/pages';
import { schedules } from '../../api/schedules';
import { Icon } from '../../components/Icon';
import { ItemList } from '../../components/ItemList';
import { PageHeader } from '../../components/PageHeader';
import { SavedNotice } from '../../components/SavedNotice';
import { useDialog } from '../../components/useDialog';
import { ScheduleDialog, type ScheduleDialogRequest } from './ScheduleDialog';
import { ScheduleRow } from './ScheduleRow';

export default function Schedules() {
  const list = usePages(['schedules'], schedules.list);
  const [location] = useLocation();
  // Other pages link to the form.
  const dialog = useDialog<ScheduleDialogRequest>(
    location === '/schedules/new' ? { kind: 'create' } : undefined,
  );
  const [saved, setSaved] = useState<string>();
  return (
    <>
      <PageHeader
        title="Schedules"
        lead="The service creates backups at these times by itself. All users can continue to work during a backup."
      >
        <Button leftSection={<Icon name="add" size={18} />} onClick={() => dialog.open({ kind: 'create' })}>
          Create a schedule…
        </Button>
      </PageHeader>
      <Stack gap="md">
        <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
        <ItemList
          list={list}
          one="schedule"
          other="schedules"
          empty="There is no schedule yet. Backups are created only when a person or another program does so."
        >
          {(schedule) => (
            <ScheduleRow key={schedule.id} schedule={schedule} onSaved={setSaved} openDialog={dialog.open} />
          )}
        </ItemList>
      </Stack>
      <ScheduleDialog dialog={dialog} onSaved={setSaved} />
    </>
  );
}
