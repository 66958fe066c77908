import { Alert, Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { RestorePlan } from '../../api/archives';
import { TABLES } from '../../api/tables';
import { ConfirmInput } from '../../components/ConfirmInput';
import { Icon } from '../../components/Icon';
import { ProblemAlert } from '../../components/ProblemAlert';
import { TableCounts } from '../../components/TableCounts';
import { money, number, plural, rows } from '../../locale/format';
import { DANGER } from '../../theme';
import { AdministratorChanges } from './AdministratorChanges';
import { CONFIRMATION, changesAdministrators, planTotals } from './planRequest';

const REMOVED = 'Removed';

interface Props {
  plan: RestorePlan;
  pending: boolean;
  /** What is said as long as it is not known whether it has begun. */
  lookup: ReactNode;
  error: unknown;
  onConfirm: () => void;
  /** Whether administrators whom the archive has as inactive or with another role are disabled. */
  disable: boolean;
  /** Asks for another plan. */
  onDisable: (disable: boolean) => void;
}

/** The plan in words and numbers, and the word that lets it happen. */
export function RestorePreview({ plan, pending, lookup, error, onConfirm, disable, onDisable }: Props) {
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const [isConfirmed, setConfirmed] = useState(false);
  const [isUnconfirmed, setUnconfirmed] = useState(false);
  const administrators = changesAdministrators(plan);
  const canDisable = disable || plan.warnings.some(({ code }) => code === 'administrators_not_disabled');
  const { inserts, updates, removed, isAny } = planTotals(plan);
  const blocked = plan.blockers.length > 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pending) return;
    const confirmed = isConfirmed || !administrators;
    if (typed.trim() === CONFIRMATION && confirmed) return onConfirm();
    setWrong(typed.trim() !== CONFIRMATION);
    setUnconfirmed(!confirmed);
  };
  return (
    <Stack>
      <Text>
        {isAny
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
      <AdministratorChanges plan={plan} />
      {canDisable && (
        <Checkbox
          label="Disable administrators as the archive has them"
          description="Otherwise they stay active. The preview is made again."
          checked={disable}
          onChange={(event) => onDisable(event.currentTarget.checked)}
        />
      )}
      <TableCounts
        label="Table by table"
        heads={['Now', 'Come back', 'Changed', REMOVED, 'Afterwards']}
        danger={REMOVED}
        lines={TABLES.flatMap((table) => {
          const of = plan.tables[table];
          if (!of) return [];
          const removedRows = of.deletes + of.cascades;
          return [{ table, numbers: [of.rows_before, of.inserts, of.updates, removedRows, of.rows_after] }];
        })}
      />
      {isAny && !blocked && (
        <form onSubmit={submit} noValidate>
          <Stack>
            <Text size="sm">
              What is there now is put into a safety archive first. You stay signed in; all others have to
              sign in again.
            </Text>
            {administrators && (
              <Checkbox
                label="I know these administrators and want their accounts to change"
                checked={isConfirmed}
                onChange={(event) => {
                  setConfirmed(event.currentTarget.checked);
                  setUnconfirmed(false);
                }}
                error={isUnconfirmed ? 'Confirm the administrators. Nothing was changed.' : undefined}
              />
            )}
            <ConfirmInput
              word={CONFIRMATION}
              typed={typed}
              wrong={wrong}
              onType={(text) => {
                setTyped(text);
                setWrong(false);
              }}
            />
            {lookup}
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
