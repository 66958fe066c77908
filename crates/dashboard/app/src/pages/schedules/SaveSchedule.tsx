import { type CreateSchedule as Request, type Schedule, schedules } from '../../api/schedules';
import { changedFields } from '../../components/changedFields';
import type { FormEnd } from '../../components/SavingDialog';
import { isolated } from '../../locale/language';
import { useCreateItem, useUpdateItem } from '../../requests/itemRequests';
import { ScheduleForm } from './ScheduleForm';
import { DEFAULT_TIMES, fromCron } from './times';

export function CreateSchedule({ onDone, onCancel }: FormEnd) {
  const create = useCreateItem(schedules, ({ name }) =>
    onDone(`The schedule “${isolated(name)}” was created.`),
  );
  return (
    <ScheduleForm
      initial={{ name: '', timezone: '', label: '', verify: 'digest', times: DEFAULT_TIMES }}
      request={create}
      action="Create"
      name="Create a schedule"
      onSubmit={(values) => create.mutate(values)}
      onCancel={onCancel}
    />
  );
}

export function EditSchedule({ schedule, onDone, onCancel }: FormEnd & { schedule: Schedule }) {
  const { name, timezone, label, verify, cron } = schedule;
  const update = useUpdateItem(schedules, schedule, (now) =>
    onDone(`The schedule “${isolated(now.name)}” was changed.`),
  );
  const save = (values: Request) => {
    const patch = changedFields<Request>({ name, timezone, label, verify, cron }, values);
    if (Object.keys(patch).length === 0) onCancel();
    else update.mutate(patch);
  };
  return (
    <ScheduleForm
      initial={{ name, timezone, label: label ?? '', verify, times: fromCron(cron) }}
      request={update}
      action="Save"
      name="Edit the schedule"
      onSubmit={save}
      onCancel={onCancel}
    />
  );
}
