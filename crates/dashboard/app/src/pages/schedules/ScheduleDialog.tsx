import { type Schedule, schedules } from '../../api/schedules';
import { DeleteItem } from '../../components/DeleteItem';
import { CreateSchedule, EditSchedule } from './SaveSchedule';

/** The dialogs of the page, and the schedule that each is about. */
export type ScheduleDialogRequest = { kind: 'create' } | { kind: 'edit' | 'delete'; schedule: Schedule };

const TITLES = { create: 'Create a schedule', edit: 'Edit the schedule', delete: 'Delete the schedule' };

export const titleOf = ({ kind }: ScheduleDialogRequest): string => TITLES[kind];

export function ScheduleDialog({
  dialog,
  onSaved,
  onClose,
}: {
  dialog: ScheduleDialogRequest;
  onSaved: (text: string) => void;
  onClose: () => void;
}) {
  const done = (text: string) => {
    onSaved(text);
    onClose();
  };
  switch (dialog.kind) {
    case 'create':
      return <CreateSchedule onDone={done} onCancel={onClose} />;
    case 'edit':
      return <EditSchedule schedule={dialog.schedule} onDone={done} onCancel={onClose} />;
    case 'delete':
      return (
        <DeleteItem api={schedules} item={dialog.schedule} onDone={done} onCancel={onClose}>
          It creates no more backups. Its backups stay, and a backup that is being created is finished.
        </DeleteItem>
      );
  }
}
