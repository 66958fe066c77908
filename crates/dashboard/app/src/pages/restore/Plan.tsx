import { Alert, Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { RestorePlan } from '../../api/archives';
import { TABLES } from '../../api/tables';
import { money, number, plural, rows } from '../../locale/format';
import { Icon } from '../../parts/Icon';
import { NumbersByTable } from '../../parts/NumbersByTable';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { TypedWord } from '../../parts/TypedWord';
import { DANGER } from '../../theme';
import { Administrators } from './Administrators';
import { changes, changesAdministrators, WORD } from './request';

const REMOVED = 'Removed';

interface Props {
  plan: RestorePlan;
  pending: boolean;
  /** What is said as long as it is not known whether it has begun. */
  unsettled: ReactNode;
  error: unknown;
  onConfirm: () => void;
  /** Whether administrators whom the archive has as inactive or with another role are disabled. */
  disable: boolean;
  /** Asks for another plan. */
  onDisable: (disable: boolean) => void;
}

/** The plan in words and numbers, and the word that lets it happen. */
export function Plan({ plan, pending, unsettled, error, onConfirm, disable, onDisable }: Props) {
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const [known, setKnown] = useState(false);
  const [unknown, setUnknown] = useState(false);
  const administrators = changesAdministrators(plan);
  const canDisable = disable || plan.warnings.some(({ code }) => code === 'administrators_not_disabled');
  const { inserts, updates, removed, any } = changes(plan);
  const blocked = plan.blockers.length > 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pending) return;
    const confirmed = known || !administrators;
    if (typed.trim() === WORD && confirmed) return onConfirm();
    setWrong(typed.trim() !== WORD);
    setUnknown(!confirmed);
  };
  return (
    <Stack>
      <Text>
        {any
          ? `${rows(inserts)} ${plural(inserts, 'comes', 'come')} back, ${number(updates)} ${plural(updates, 'is', 'are')} changed, ${number(removed)} ${plural(removed, 'is', 'are')} removed.`
          : 'Nothing: the data is what the archive has.'}{' '}
        Payments sum up to {money(plan.money.before)} now and to {money(plan.money.after)} afterwards.
      </Text>
      {plan.blockers.map(({ code, table, text }) => (
        <Alert
          key={code + table}
          color={DANGER}
          variant="light"
          icon={<Icon name="error" />}
          title="It can’t be done"
        >
          {text}
        </Alert>
      ))}
      {plan.warnings.map(({ code, table, text }) => (
        <Alert key={code + table} color="yellow" variant="light" icon={<Icon name="warning" />} role="note">
          {text}
        </Alert>
      ))}
      <Administrators plan={plan} />
      {canDisable && (
        <Checkbox
          label="Disable administrators as the archive has them"
          description="Otherwise they stay active. The preview is made again."
          checked={disable}
          onChange={(event) => onDisable(event.currentTarget.checked)}
        />
      )}
      <NumbersByTable
        label="Table by table"
        heads={['Now', 'Come back', 'Changed', REMOVED, 'Afterwards']}
        danger={REMOVED}
        lines={TABLES.flatMap((table) => {
          const of = plan.tables[table];
          if (!of) return [];
          const gone = of.deletes + of.cascades;
          return [{ table, numbers: [of.rows_before, of.inserts, of.updates, gone, of.rows_after] }];
        })}
      />
      {any && !blocked && (
        <form onSubmit={submit} noValidate>
          <Stack>
            <Text size="sm">
              What is there now is put into a safety archive first. You stay signed in; all others have to
              sign in again.
            </Text>
            {administrators && (
              <Checkbox
                label="I know these administrators and want their accounts to change"
                checked={known}
                onChange={(event) => {
                  setKnown(event.currentTarget.checked);
                  setUnknown(false);
                }}
                error={unknown ? 'Confirm the administrators. Nothing was changed.' : undefined}
              />
            )}
            <TypedWord
              word={WORD}
              typed={typed}
              wrong={wrong}
              onType={(text) => {
                setTyped(text);
                setWrong(false);
              }}
            />
            {unsettled}
            {error ? <ProblemAlert error={error} title="Nothing was restored" /> : null}
            <Group justify="flex-end">
              <Button type="submit" color={DANGER} loading={pending}>
                Restore
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Stack>
  );
}
