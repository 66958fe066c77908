import { NativeSelect, Radio, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useMemo, useState } from 'react';
import type { CreateSchedule, Schedule } from '../../api/schedules';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import { timeZones } from '../../locale/zone';
import type { LookupState } from '../../requests/settle';
import { TimesFields } from './TimesFields';
import { type Times, toCron } from './times';

interface Values {
  name: string;
  /** Empty for the school's time zone. */
  timezone: string;
  label: string;
  verify: Schedule['verify'];
  times: Times;
}

const LABELS = {
  name: 'The name',
  cron: 'The time',
  timezone: 'The time zone',
  label: 'The name of the backups',
};

const LEVELS: { value: Schedule['verify']; label: string; description: string }[] = [
  { value: 'none', label: 'No verification', description: 'Each backup is checked once when it is created.' },
  { value: 'digest', label: 'Verify', description: 'Each backup is read completely once more.' },
  {
    value: 'test_restore',
    label: 'Test restore',
    description: 'Each backup is also restored into a temporary database. This takes longest.',
  },
];

export function ScheduleForm({
  initial,
  request,
  action,
  name,
  onSubmit,
  onCancel,
}: {
  initial: Values;
  request: { isPending: boolean; lookup: LookupState | undefined; error: Error | null };
  action: string;
  name: string;
  onSubmit: (values: CreateSchedule) => void;
  onCancel: () => void;
}) {
  const [values, setValues] = useState(initial);
  const [problems, setProblems] = useState<{ name?: string; cron?: string }>();
  const { fields, rest } = fieldErrors(request.error, LABELS);
  const errors = { ...fields, ...problems };
  const form = useInvalidFocus(problems ?? request.error);
  const zones = useMemo(timeZones, []);
  const change = (part: Partial<Values>) => setValues((before) => ({ ...before, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (request.isPending) return;
    const times = toCron(values.times);
    const title = values.name.trim();
    if ('problem' in times || title === '') {
      setProblems({
        ...(title === '' && { name: 'Enter a name.' }),
        ...('problem' in times && { cron: times.problem }),
      });
      return;
    }
    setProblems(undefined);
    onSubmit({
      name: title,
      cron: times.cron,
      label: values.label.trim() || null,
      verify: values.verify,
      ...(values.timezone && { timezone: values.timezone }),
    });
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="Name"
          description="For example “Every night”"
          maxLength={100}
          required
          withAsterisk={false}
          value={values.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={errors.name}
          data-autofocus
        />
        <TimesFields times={values.times} onChange={(times) => change({ times })} error={errors.cron} />
        <NativeSelect
          label="Time zone"
          value={values.timezone}
          onChange={(event) => change({ timezone: event.currentTarget.value })}
          error={errors.timezone}
          data={[
            ...(initial.timezone === ''
              ? [{ value: '', label: 'The school’s time zone' }]
              : zones.includes(initial.timezone)
                ? []
                : [initial.timezone]),
            ...zones,
          ]}
        />
        <Radio.Group
          label="After each backup"
          value={values.verify}
          onChange={(verify) => change({ verify: verify as Values['verify'] })}
        >
          <Stack gap="xs" mt="xs">
            {LEVELS.map((level) => (
              <Radio key={level.value} {...level} />
            ))}
          </Stack>
        </Radio.Group>
        <TextInput
          label="Name of the backups"
          description="Optional. Without one, they have the name of the schedule."
          maxLength={100}
          value={values.label}
          onChange={(event) => change({ label: event.currentTarget.value })}
          error={errors.label}
        />
        <FormActions request={request} name={name} error={rest} action={action} onCancel={onCancel} />
      </Stack>
    </form>
  );
}
