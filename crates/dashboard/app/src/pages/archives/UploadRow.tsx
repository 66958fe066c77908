import { Button, CloseButton, Group, Text } from '@mantine/core';
import { bytes } from '../../locale/format';
import { Bar } from '../../parts/Bar';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { UploadUnanswered } from '../../transfers/send';
import { cancelUpload, dismissUpload, type Upload } from '../../transfers/uploads';
import classes from './Archives.module.css';

/** How an upload fares, and what ends it. */
export function UploadRow({ upload }: { upload: Upload }) {
  const { id, name, size, state } = upload;
  const cancel = (
    <Button
      size="xs"
      variant="default"
      aria-label={`Cancel the upload of ${name}`}
      onClick={() => cancelUpload(id)}
    >
      Cancel
    </Button>
  );
  const remove = (
    <CloseButton aria-label={`Remove ${name} from the list`} onClick={() => dismissUpload(id)} />
  );
  switch (state.at) {
    case 'waiting':
      return (
        <Group justify="space-between" wrap="nowrap">
          <Text size="sm" className={classes.words}>
            {name}: queued
          </Text>
          {cancel}
        </Group>
      );
    case 'sending': {
      const isSent = state.sent >= size;
      return (
        <div>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" className={classes.words} aria-live="polite">
              {name}: {isSent ? 'being checked' : `${bytes(state.sent)} of ${bytes(size)}`}
            </Text>
            {cancel}
          </Group>
          <Bar
            label={`Upload of ${name}`}
            share={isSent ? undefined : state.sent / size}
            words="being checked"
          />
        </div>
      );
    }
    case 'unsettled':
      return (
        <Group align="flex-start" wrap="nowrap">
          <div className={classes.words}>
            <UnsettledNote name={`Upload ${name}`} unsettled={state} />
          </div>
          <CloseButton aria-label={`Remove ${name} from the list`} onClick={() => cancelUpload(id)} />
        </Group>
      );
    case 'done':
      return (
        <Group justify="space-between" wrap="nowrap">
          <Text size="sm" role="status" className={classes.words}>
            {name} arrived, is whole, and is listed.
          </Text>
          {remove}
        </Group>
      );
    case 'failed':
      return (
        <Group align="flex-start" wrap="nowrap">
          <div className={classes.words}>
            <ProblemAlert
              error={state.error}
              title={
                state.error instanceof UploadUnanswered
                  ? `It is not known whether ${name} was added`
                  : `${name} was not let in`
              }
            />
          </div>
          {remove}
        </Group>
      );
  }
}
