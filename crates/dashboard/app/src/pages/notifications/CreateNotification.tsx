import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { notifications, testNewNotification } from '../../api/notifications';
import { OneTimeSecret } from '../../components/OneTimeSecret';
import { TestResult } from '../../components/TestResult';
import { isolated } from '../../locale/language';
import { useCreateItem } from '../../requests/itemRequests';
import { NotificationForm } from './NotificationForm';
import { createRequest, EMPTY_VALUES } from './notificationValues';
import { TESTING, testOutcome } from './testOutcome';

/** Creates a notification. It can be tested first. The secret of a webhook is shown once. */
export function CreateNotification({
  onSaved,
  onClose,
}: {
  onSaved: (text: string) => void;
  onClose: () => void;
}) {
  const [values, setValues] = useState(EMPTY_VALUES);
  const create = useCreateItem(notifications, ({ name, secret }) => {
    onSaved(`The notification “${isolated(name)}” was created.`);
    if (secret === null) onClose();
  });
  const test = useMutation({
    mutationFn: async () => testOutcome(await testNewNotification(createRequest(values))),
  });
  if (create.data?.secret) {
    return (
      <OneTimeSecret
        title="The webhook was created"
        label="Signing secret"
        secret={create.data.secret}
        onClose={onClose}
      >
        Enter it in the program that receives the messages. With it, the program checks that a message comes
        from this service.
      </OneTimeSecret>
    );
  }
  return (
    <NotificationForm
      values={values}
      onChange={(next) => {
        setValues(next);
        // The result is about other values.
        if (test.isError || test.isSuccess) test.reset();
      }}
      request={create}
      error={create.error ?? test.error}
      name="Create a notification"
      action="Create"
      onSubmit={() => {
        if (test.isError) test.reset();
        create.mutate(createRequest(values));
      }}
      onCancel={onClose}
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
        Send a test
      </Button>
    </NotificationForm>
  );
}
