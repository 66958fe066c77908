import { Code, TextInput } from '@mantine/core';
import type { Ref } from 'react';

/** A dangerous change starts only after this word was typed. */
export function ConfirmInput({
  word,
  typed,
  wrong,
  onType,
  ref,
}: {
  word: string;
  typed: string;
  /** Whether another word was submitted. */
  wrong: boolean;
  onType: (typed: string) => void;
  ref?: Ref<HTMLInputElement>;
}) {
  return (
    <TextInput
      ref={ref}
      label={
        <>
          Type <Code>{word}</Code> to confirm
        </>
      }
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      dir="ltr"
      value={typed}
      onChange={(event) => onType(event.currentTarget.value)}
      error={wrong ? `Type exactly “${word}”. Nothing was changed.` : undefined}
    />
  );
}
