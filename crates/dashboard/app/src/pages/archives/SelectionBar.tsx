import { Button, Group, Text } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { bytes, counted } from '../../locale/format';
import classes from './Archives.module.css';

/** Says how many backups are selected, on all pages of the table, with the action for them. */
export function SelectionBar({
  selected,
  onDelete,
  onReset,
}: {
  selected: readonly Archive[];
  onDelete: () => void;
  onReset: () => void;
}) {
  if (selected.length === 0) return null;
  const size = selected.reduce((sum, each) => sum + each.size, 0);
  return (
    <Group justify="space-between" className={classes.selection} role="region" aria-label="Selected backups">
      <Text size="sm" role="status">
        {counted(selected.length, 'backup', 'backups')} selected, {bytes(size)}
      </Text>
      <Group gap="xs">
        <Button size="xs" variant="default" onClick={onReset}>
          Select none
        </Button>
        <Button size="xs" variant="default" onClick={onDelete}>
          Delete the selected backups…
        </Button>
      </Group>
    </Group>
  );
}
