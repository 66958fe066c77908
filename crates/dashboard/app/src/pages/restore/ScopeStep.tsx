import { Checkbox, Group, Radio, Stack } from '@mantine/core';
import { nameOf, TABLES } from '../../api/tables';
import type { RestoreChoice } from './planRequest';
import { StudentPicker } from './StudentPicker';

/** Chooses everything, some tables or one student. */
export function ScopeStep({
  archiveId,
  choice,
  onChange,
  missing,
  identity,
  onIdentity,
}: {
  archiveId: string;
  choice: RestoreChoice;
  onChange: (change: Partial<RestoreChoice>) => void;
  missing: string | undefined;
  /** The secret key of the backup, if the service does not have it. */
  identity: string | undefined;
  onIdentity: (identity: string) => void;
}) {
  return (
    <>
      <Radio.Group
        label="What to restore"
        value={choice.what}
        onChange={(what) => onChange({ what: what as RestoreChoice['what'] })}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="all" label="Everything" />
          <Radio value="tables" label="Some tables" />
          <Radio value="student" label="One student, with all their records" />
        </Stack>
      </Radio.Group>
      {choice.what === 'tables' && (
        <Checkbox.Group
          label="Tables"
          value={choice.tables}
          onChange={(tables) => onChange({ tables: tables as RestoreChoice['tables'] })}
          error={missing}
        >
          <Group mt="xs">
            {TABLES.map((table) => (
              <Checkbox key={table} value={table} label={nameOf(table)} />
            ))}
          </Group>
        </Checkbox.Group>
      )}
      {choice.what === 'student' && (
        <StudentPicker
          key={archiveId}
          archiveId={archiveId}
          value={choice.student}
          onChoose={(student) => onChange({ student })}
          error={missing}
          identity={identity}
          onIdentity={onIdentity}
        />
      )}
    </>
  );
}
