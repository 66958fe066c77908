import { Textarea, TextInput } from '@mantine/core';

/** The texts of an archive that people can change. */
export interface ArchiveText {
  label: string;
  note: string;
}

export function ArchiveFields({
  text,
  onChange,
}: {
  text: ArchiveText;
  onChange: (text: ArchiveText) => void;
}) {
  return (
    <>
      <TextInput
        label="Name"
        description="Optional, for example “before the exams”"
        maxLength={100}
        value={text.label}
        onChange={(event) => onChange({ ...text, label: event.currentTarget.value })}
      />
      <Textarea
        label="Note"
        description="Optional"
        maxLength={2000}
        rows={3}
        value={text.note}
        onChange={(event) => onChange({ ...text, note: event.currentTarget.value })}
      />
    </>
  );
}

/** The trimmed text, or `null` if it is blank. */
export function nullIfBlank(value: string): string | null {
  return value.trim() === '' ? null : value.trim();
}
