import { NativeSelect } from '@mantine/core';
import { type Archive, isBackup, isDamaged, isProposable, isSuspicious } from '../api/archives';
import { dateTime, rows } from '../locale/format';
import { isolated } from '../locale/language';
import { safetyName } from './backupName';

/** A select for an archive or another side of a comparison. Nothing is selected if `value` is empty. */
export function ArchiveSelect({
  label,
  archives,
  others = [],
  value,
  onChoose,
  error,
}: {
  label: string;
  archives: Archive[];
  others?: { value: string; label: string }[];
  value: string;
  onChoose: (id: string) => void;
  error?: string | undefined;
}) {
  return (
    <NativeSelect
      label={label}
      value={value}
      onChange={(event) => onChoose(event.currentTarget.value)}
      error={error}
      data={[
        ...(value === '' ? [{ value: '', label: 'Choose a backup…' }] : []),
        ...groups(archives),
        ...others,
      ]}
    />
  );
}

/** The reliable backups first. A group without a backup is left out. */
function groups(
  archives: readonly Archive[],
): { group: string; items: { value: string; label: string }[] }[] {
  const of = (kind: (archive: Archive) => boolean) =>
    archives.filter(kind).map((archive) => ({ value: archive.id, label: optionLabel(archive) }));
  return [
    { group: 'Backups', items: of(isProposable) },
    { group: 'Safety backups', items: of((each) => !isBackup(each) && !isDamaged(each)) },
    { group: 'Suspicious', items: of((each) => isBackup(each) && isSuspicious(each) && !isDamaged(each)) },
    {
      group: 'Unknown origin',
      items: of((each) => isBackup(each) && !isProposable(each) && !isSuspicious(each) && !isDamaged(each)),
    },
    { group: 'Damaged', items: of(isDamaged) },
  ].filter(({ items }) => items.length > 0);
}

/** The list, with the chosen archive first if it is not on the loaded pages. */
export function withChosen(archives: Archive[], chosen: Archive | undefined): Archive[] {
  if (!chosen || archives.some(({ id }) => id === chosen.id)) return archives;
  return [chosen, ...archives];
}

function optionLabel(archive: Archive): string {
  const safety = safetyName(archive);
  const label = archive.label ? `${isolated(archive.label)}, ` : '';
  const name = safety ?? `${label}${dateTime(archive.created_at)}`;
  const kind = archive.kind === 'safety' ? ', safety backup' : '';
  const origin = archive.origin === 'found' ? ', found in the storage' : '';
  const damaged = isDamaged(archive) ? ', damaged' : '';
  return `${name}, ${rows(archive.total)}${kind}${origin}${damaged}`;
}
