import { Loader, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { type Student, students } from '../../api/students';
import { IdentityPrompt } from '../../components/IdentityPrompt';
import { ProblemAlert } from '../../components/ProblemAlert';

/** The milliseconds after the last key before the backup is searched. */
const DELAY = 300;

/** Finds a student in a backup by name, registration number or ID, and shows who it is. */
export function StudentPicker({
  archiveId,
  value,
  onChoose,
  error: missing,
  identity,
  onIdentity,
}: {
  archiveId: string;
  /** The ID of the chosen student. */
  value: string;
  onChoose: (id: string) => void;
  error: string | undefined;
  /** The secret key of the backup, if the service does not have it. */
  identity: string | undefined;
  onIdentity: (identity: string) => void;
}) {
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text.trim(), DELAY);
  const key = useRef(identity);
  const { data, error, isFetching, refetch } = useQuery(
    students(archiveId, archiveId === '' ? '' : wanted, () => key.current),
  );
  const isCurrent = wanted === text.trim();
  return (
    <Stack gap="sm">
      <TextInput
        label="Student"
        description="The name, the registration number or the ID"
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (value !== '') onChoose('');
        }}
        error={missing}
        rightSection={isFetching ? <Loader size="xs" aria-label="Searching the backup" /> : undefined}
      />
      {error && !isFetching && (
        <ProblemAlert
          error={error}
          title="The students of this backup can’t be searched"
          again={{ label: 'Try again', act: () => refetch() }}
        >
          <IdentityPrompt
            error={error}
            action="Search with this key"
            pending={isFetching}
            onIdentity={(next) => {
              key.current = next;
              onIdentity(next);
              refetch();
            }}
          />
        </ProblemAlert>
      )}
      {data && isCurrent && data.students.length === 0 && (
        <Text size="sm" role="status">
          No student in this backup matches. Check the spelling, or choose an older backup.
        </Text>
      )}
      {data && isCurrent && data.students.length > 0 && (
        <Radio.Group label="Students found in the backup" value={value} onChange={onChoose}>
          <Stack gap="xs" mt="xs">
            {data.students.map((each) => (
              <Radio key={each.id} value={String(each.id)} label={<StudentLabel student={each} />} />
            ))}
          </Stack>
        </Radio.Group>
      )}
      {data?.isMore && isCurrent && (
        <Text size="sm" c="dimmed" role="status">
          More students match. Type more of the name.
        </Text>
      )}
    </Stack>
  );
}

function StudentLabel({ student }: { student: Student }) {
  const { id, name, registrationNumber, email, dateOfBirth } = student;
  const details = [
    `registration number ${registrationNumber}`,
    dateOfBirth && `born ${dateOfBirth}`,
    email,
    `ID ${id}`,
  ];
  return (
    <>
      <b>
        <bdi>{name}</bdi>
      </b>
      , {details.filter(Boolean).join(', ')}
    </>
  );
}
