import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { destinations, testNewDestination } from '../../api/destinations';
import type { FormEnd } from '../../components/SavingDialog';
import { TestResult } from '../../components/TestResult';
import { isolated } from '../../locale/language';
import { useCreateItem } from '../../requests/itemRequests';
import { DestinationForm } from './DestinationForm';
import { createRequest, EMPTY_VALUES } from './destinationValues';
import { TESTING, testOutcome } from './testOutcome';

/** Adds a destination. It can be tested first. */
export function CreateDestination({ onDone, onCancel }: FormEnd) {
  const [values, setValues] = useState(EMPTY_VALUES);
  const create = useCreateItem(destinations, ({ name }) =>
    onDone(`The destination “${isolated(name)}” was added. All backups are copied to it now.`),
  );
  const test = useMutation({
    mutationFn: async () => testOutcome(await testNewDestination(createRequest(values))),
  });
  const change = (next: typeof values) => {
    setValues(next);
    // The result is about other values.
    if (test.isError || test.isSuccess) test.reset();
  };
  return (
    <DestinationForm
      values={values}
      onChange={change}
      request={create}
      error={create.error ?? test.error}
      name="Add a destination"
      action="Add"
      onSubmit={() => {
        if (test.isError) test.reset();
        create.mutate(createRequest(values));
      }}
      onCancel={onCancel}
      result={<TestResult test={{ ...test, error: null }} {...TESTING} />}
    >
      <Button
        variant="default"
        loading={test.isPending}
        onClick={() => {
          if (create.isError) create.reset();
          test.mutate();
        }}
      >
        Test
      </Button>
    </DestinationForm>
  );
}
