import { type Schedule, schedules } from '../../api/schedules';
import { DeleteItem } from '../../components/DeleteItem';
import { SavingDialog, type SavingDialogProps } from '../../components/SavingDialog';
import { CreateSchedule, EditSchedule } from './SaveSchedule';

/** The dialogs of the page, and the schedule that each is about. */
export type ScheduleDialogRequest = { kind: 'create' } | { kind: 'edit' | 'delete'; schedule: Schedule };

const TITLES = { create: 'Create a schedule', edit: 'Edit the schedule', delete: 'Delete the schedule' };

export function ScheduleDialog(props: SavingDialogProps<ScheduleDialogRequest>) {
  return (
    <SavingDialog {...props} title={({ kind }) => TITLES[kind]}>
      {(subject, end) => {
        switch (subject.kind) {
          case 'create':
            return <CreateSchedule {...end} />;
          case 'edit':
            return <EditSchedule schedule={subject.schedule} {...end} />;
          case 'delete':
            return (
              <DeleteItem api={schedules} item={subject.schedule} {...end}>
                It creates no more backups. Its backups stay, and a backup that is being created is finished.
              </DeleteItem>
            );
        }
      }}
    </SavingDialog>
  );
}
