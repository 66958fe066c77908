import { Anchor, Button, Group, List, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { bytes, counted, dateTimeZone } from '../../locale/format';
import type { PlannedBackup } from './calendar';

/** The number of backups that are shown at once. */
const SHOWN = 25;

/** Backups with the decision about each, and its reasons. */
export function BackupList({ backups }: { backups: PlannedBackup[] }) {
  const [shown, setShown] = useState(SHOWN);
  return (
    <>
      <List size="sm" listStyleType="none">
        {backups.slice(0, shown).map((backup) => (
          <List.Item key={backup.id}>
            <Anchor component={Link} href={`/archives/${backup.id}`} size="sm" underline="always">
              {backup.at ? dateTimeZone(backup.at) : <bdi>{backup.id}</bdi>}
            </Anchor>
            {': '}
            <Decision backup={backup} />
          </List.Item>
        ))}
      </List>
      {backups.length > shown && (
        <Group>
          <Button variant="default" size="xs" onClick={() => setShown(shown + SHOWN)}>
            Show more ({counted(backups.length - shown, 'backup', 'backups')})
          </Button>
        </Group>
      )}
    </>
  );
}

function Decision({ backup: { isDeleted, reasons, bytes: size } }: { backup: PlannedBackup }) {
  return (
    <Text span size="sm">
      <Text span size="sm" fw={550} {...(isDeleted && { c: 'var(--mantine-color-error)' })}>
        {isDeleted ? 'will be deleted' : 'stays'}
      </Text>
      {size !== undefined && ` (${bytes(size)})`}, {reasons.join(', ')}
    </Text>
  );
}
