import { Textarea, TextInput } from '@mantine/core';

/** What people say of an archive. */
export interface Said {
  label: string;
  note: string;
}

/** The two fields for it. */
export function Words({ said, onChange }: { said: Said; onChange: (said: Said) => void }) {
  return (
    <>
      <TextInput
        label="Name"
        description="Optional, such as “before the exams”"
        maxLength={100}
        value={said.label}
        onChange={(event) => onChange({ ...said, label: event.currentTarget.value })}
      />
      <Textarea
        label="Note"
        description="Optional"
        maxLength={2000}
        rows={3}
        value={said.note}
        onChange={(event) => onChange({ ...said, note: event.currentTarget.value })}
      />
    </>
  );
}

/** An empty field says nothing. */
export function orNothing(text: string): string | null {
  return text.trim() === '' ? null : text.trim();
}
