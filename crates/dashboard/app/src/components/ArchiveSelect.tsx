import { NativeSelect } from '@mantine/core';
import { type Archive, isDamaged } from '../api/archives';
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
        ...archives.map((archive) => ({ value: archive.id, label: optionLabel(archive) })),
        ...others,
      ]}
    />
  );
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
