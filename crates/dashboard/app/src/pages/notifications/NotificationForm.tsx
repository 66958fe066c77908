import { Checkbox, PasswordInput, Radio, Stack, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { FormActions } from '../../components/FormActions';
import { fieldErrors } from '../../components/fieldErrors';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import type { LookupState } from '../../requests/settle';
import { addressesIn, EVENT_CHOICES, EVENTS, type EventChoice, type NotificationKind } from './events';
import type { NotificationValues } from './notificationValues';

const LABELS = {
  name: 'The name',
  kind: 'The kind',
  to: 'The mail address',
  url: 'The address',
  events: 'The events',
  secret: 'The secret',
  attach_archive: 'The attachment',
};

type Errors = Partial<Record<keyof typeof LABELS, string>>;

const KINDS: { value: NotificationKind; label: string; description: string }[] = [
  { value: 'email', label: 'Mail', description: 'To one or more people.' },
  { value: 'webhook', label: 'Webhook', description: 'A signed message to another program.' },
  {
    value: 'ping',
    label: 'Ping',
    description: 'A request for each backup to a monitoring service, such as healthchecks.io.',
  },
];

export function NotificationForm({
  values,
  onChange,
  isSaved = false,
  request,
  error,
  name,
  action,
  onSubmit,
  onCancel,
  result,
  children,
}: {
  values: NotificationValues;
  onChange: (values: NotificationValues) => void;
  /** Whether an existing notification is edited. */
  isSaved?: boolean;
  request: { isPending: boolean; lookup: LookupState | undefined; error: Error | null };
  error: unknown;
  name: string;
  action: string;
  onSubmit: () => void;
  onCancel: () => void;
  /** Content above the buttons. */
  result?: ReactNode;
  /** Other buttons. */
  children?: ReactNode;
}) {
  const [problems, setProblems] = useState<Errors>();
  const { fields, rest } = fieldErrors(error, LABELS);
  const errors: Errors = { ...fields, ...problems };
  const form = useInvalidFocus(problems ?? error);
  const { kind } = values;
  const set = (part: Partial<NotificationValues>) => onChange({ ...values, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (request.isPending) return;
    const found = problemsOf(values);
    setProblems(found);
    if (!found) onSubmit();
  };
  return (
    <form onSubmit={submit} noValidate ref={form}>
      <Stack>
        <TextInput
          label="Name"
          description="For example “Office”"
          maxLength={100}
          required
          withAsterisk={false}
          value={values.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          error={errors.name}
          data-autofocus
        />
        {!isSaved && (
          <Radio.Group
            label="Kind"
            value={kind}
            onChange={(next) => set({ kind: next as NotificationKind })}
            error={errors.kind}
          >
            <Stack gap="xs" mt="xs">
              {KINDS.map((each) => (
                <Radio key={each.value} {...each} />
              ))}
            </Stack>
          </Radio.Group>
        )}
        {kind === 'email' ? (
          <Textarea
            label="Mail addresses"
            description="One a line, 10 at most"
            rows={3}
            dir="ltr"
            autoCapitalize="none"
            spellCheck={false}
            value={values.to}
            onChange={(event) => set({ to: event.currentTarget.value })}
            error={errors.to}
          />
        ) : (
          <TextInput
            label="Address"
            description={kind === 'ping' ? 'The ping URL of the monitoring service' : undefined}
            type="url"
            dir="ltr"
            maxLength={2000}
            value={values.url}
            onChange={(event) => set({ url: event.currentTarget.value })}
            error={errors.url}
          />
        )}
        {kind === 'webhook' && isSaved && (
          <PasswordInput
            label="New signing secret"
            description="Leave this empty to keep the stored one. It begins with whsec_ and is never shown."
            autoComplete="new-password"
            maxLength={100}
            value={values.secret}
            onChange={(event) => set({ secret: event.currentTarget.value })}
            error={errors.secret}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the secret', tabIndex: 0 }}
          />
        )}
        {kind !== 'ping' && (
          <Checkbox.Group
            label="Events"
            value={values.events}
            onChange={(events) => set({ events: events as EventChoice[] })}
            error={errors.events}
          >
            <Stack gap="xs" mt="xs">
              {EVENT_CHOICES.map((event) => (
                <Checkbox key={event} value={event} label={EVENTS[event]} />
              ))}
            </Stack>
          </Checkbox.Group>
        )}
        {kind === 'email' && (
          <Checkbox
            label="Attach the backup to mails about new backups"
            description="Only if the backup is encrypted and small enough."
            checked={values.attach}
            onChange={(event) => set({ attach: event.currentTarget.checked })}
            error={errors.attach_archive}
          />
        )}
        {result}
        <FormActions request={request} name={name} error={rest} action={action} onCancel={onCancel}>
          {children}
        </FormActions>
      </Stack>
    </form>
  );
}

/** The fields that are missing. The service checks everything else. */
function problemsOf({ kind, name, to, url, events }: NotificationValues): Errors | undefined {
  const problems: Errors = {
    ...(name.trim() === '' && { name: 'Enter a name.' }),
    ...(kind === 'email' && addressesIn(to).length === 0 && { to: 'Enter a mail address.' }),
    ...(kind !== 'email' && url.trim() === '' && { url: 'Enter an address.' }),
    ...(kind !== 'ping' && events.length === 0 && { events: 'Choose an event.' }),
  };
  return Object.keys(problems).length > 0 ? problems : undefined;
}
