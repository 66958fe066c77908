import { Button, Fieldset, Group, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { RetentionPolicy } from '../../api/retention';
import { fieldErrors } from '../../components/fieldErrors';
import { ProblemAlert } from '../../components/ProblemAlert';
import { useInvalidFocus } from '../../components/useInvalidFocus';
import { inPolicy } from './policyErrors';
import { COUNT_FIELDS, inputsOf, POLICY_LABELS, type PolicyInputs, policyOf } from './policyForm';
import classes from './Retention.module.css';

/** The rules of a policy. They are previewed before they are saved. */
export function PolicyForm({
  initial,
  error,
  isPending,
  onPreview,
}: {
  initial: RetentionPolicy;
  /** The error of the last preview. */
  error: unknown;
  isPending: boolean;
  onPreview: (policy: RetentionPolicy) => void;
}) {
  const [inputs, setInputs] = useState(() => inputsOf(initial));
  const [problems, setProblems] = useState<Partial<Record<keyof PolicyInputs, string>>>();
  const { fields, rest } = fieldErrors(inPolicy(error), POLICY_LABELS);
  const errors = { ...fields, ...problems };
  const form = useInvalidFocus(problems ?? error);
  const input = (field: keyof PolicyInputs) => ({
    value: inputs[field],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setInputs((before) => ({ ...before, [field]: value }));
    },
    error: errors[field],
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isPending) return;
    const found = policyOf(inputs);
    setProblems('problems' in found ? found.problems : undefined);
    if ('policy' in found) onPreview(found.policy);
  };
  return (
    <form onSubmit={submit} noValidate ref={form} aria-label="Retention policy">
      <Stack>
        <Fieldset legend="Backups that stay">
          <Text size="sm" c="dimmed" mb="sm">
            A backup stays if one of these rules keeps it. 0 switches a rule off.
          </Text>
          <div className={classes.fields}>
            {COUNT_FIELDS.map(({ field, label, unit }) => (
              <TextInput
                key={field}
                label={label}
                description={unit === 'backups' ? 'How many stay' : `For how many ${unit}`}
                inputMode="numeric"
                autoComplete="off"
                {...input(field)}
              />
            ))}
          </div>
        </Fieldset>
        <Fieldset legend="Limits">
          <div className={classes.limits}>
            <TextInput
              label="At least"
              description="So many of the newest always stay"
              inputMode="numeric"
              autoComplete="off"
              {...input('min_keep')}
            />
            <TextInput
              label="Size limit"
              description="Optional, such as 50 GB"
              autoComplete="off"
              {...input('max_bytes')}
            />
            <TextInput
              label="Safety backups"
              description="For how many days they stay"
              inputMode="numeric"
              autoComplete="off"
              {...input('safety_days')}
            />
          </div>
        </Fieldset>
        {rest ? <ProblemAlert error={rest} title="There is no preview" /> : null}
        <Group>
          <Button type="submit" loading={isPending}>
            Preview
          </Button>
          <Text size="sm" c="dimmed">
            A preview changes nothing.
          </Text>
        </Group>
      </Stack>
    </form>
  );
}
