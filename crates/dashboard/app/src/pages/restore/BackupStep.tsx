import { Anchor, Badge, Group, Text } from '@mantine/core';
import { Link } from 'wouter';
import { type Archive, isDamaged } from '../../api/archives';
import { ArchiveSearchInput } from '../../components/ArchiveSearchInput';
import { ArchiveSelect, withChosen } from '../../components/ArchiveSelect';
import { Notice } from '../../components/Notice';
import { useArchiveSearch } from '../../components/useArchiveSearch';
import { verificationStatus } from '../../components/verification';
import { ago, bytes, dateTimeZone, rows } from '../../locale/format';

/** Chooses the backup, among the loaded ones or by a search among all of them. */
export function BackupStep({
  archives,
  chosen,
  onChoose,
  error,
}: {
  archives: Archive[];
  chosen: Archive | undefined;
  onChoose: (archive: Archive | undefined) => void;
  error: string | undefined;
}) {
  const search = useArchiveSearch();
  const options = withChosen(search.found?.items ?? archives, chosen);
  return (
    <>
      <ArchiveSearchInput search={search} />
      <ArchiveSelect
        label="Backup"
        archives={options}
        value={chosen?.id ?? ''}
        onChoose={(id) => onChoose(options.find((each) => each.id === id))}
        error={error}
      />
      {chosen && <ChosenBackup archive={chosen} />}
    </>
  );
}

/** What people should know of the chosen backup before they restore it. */
function ChosenBackup({ archive }: { archive: Archive }) {
  const { label, color, description } = verificationStatus(archive);
  return (
    <>
      <Group gap="xs">
        <Badge variant="light" color={color} title={description}>
          {label}
        </Badge>
        <Text size="sm">
          Data of {dateTimeZone(archive.created_at)} ({ago(archive.created_at)}), {rows(archive.total)},{' '}
          {bytes(archive.size)}.{' '}
          <Anchor component={Link} href={`/archives/${archive.id}`} size="sm" underline="always">
            View contents
          </Anchor>
        </Text>
      </Group>
      {archive.kind === 'safety' && (
        <Notice kind="info" role="note" title="This is a safety backup">
          It has the data from just before a change, so it may contain the mistake that you want to correct.
        </Notice>
      )}
      {isDamaged(archive) && (
        <Notice kind="error" role="note" title="Damaged">
          {description} It can’t be restored. Choose another backup.
        </Notice>
      )}
    </>
  );
}
