import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { RestorePlan } from '../../api/archives';
import { TABLES } from '../../api/tables';
import { ConfirmInput } from '../../components/ConfirmInput';
import { Notice } from '../../components/Notice';
import { ProblemAlert } from '../../components/ProblemAlert';
import { TableCounts } from '../../components/TableCounts';
import { money, number, rows } from '../../locale/format';
import { DANGER } from '../../theme';
import { AdministratorChanges } from './AdministratorChanges';
import { CONFIRMATION, changesAdministrators, planTotals } from './planRequest';

const DELETED = 'Deleted';

interface Props {
  plan: RestorePlan;
  pending: boolean;
  /** The notice that is shown while it is not known whether the restore has started. */
  lookup: ReactNode;
  error: unknown;
  onConfirm: () => void;
  /** Whether to disable administrators who are inactive or have another role in the archive. */
  disable: boolean;
  /** Requests a new preview. */
  onDisable: (disable: boolean) => void;
}

/** The plan in words and numbers, with the confirmation. */
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
          ? `${rows(inserts)} will be added, ${number(updates)} will be changed, and ${number(removed)} will be deleted.`
          : 'Nothing will change. The current data is the same as in the backup.'}{' '}
        The sum of all payments is {money(plan.money.before)} now and will be {money(plan.money.after)}.
      </Text>
      {plan.blockers.map(({ code, table, text }) => (
        <Notice key={code + table} kind="error" title="Can’t restore this">
          {text}
        </Notice>
      ))}
      {plan.warnings.map(({ code, table, text }) => (
        <Notice key={code + table} kind="warning" role="note">
          {text}
        </Notice>
      ))}
      <AdministratorChanges plan={plan} />
      {canDisable && (
        <Checkbox
          label="Disable administrators as in the backup"
          description="Otherwise they stay active. The preview is refreshed."
          checked={disable}
          onChange={(event) => onDisable(event.currentTarget.checked)}
        />
      )}
      <TableCounts
        label="Changes by table"
        heads={['Now', 'Added', 'Changed', DELETED, 'Afterwards']}
        danger={DELETED}
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
              The service first creates a safety backup of the current data. You stay signed in. All other
              users must sign in again.
            </Text>
            {administrators && (
              <Checkbox
                label="I know these administrators and want to change their accounts"
                checked={isConfirmed}
                onChange={(event) => {
                  setConfirmed(event.currentTarget.checked);
                  setUnconfirmed(false);
                }}
                error={
                  isUnconfirmed ? 'Confirm the changes of administrators. Nothing was changed.' : undefined
                }
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
