import { Anchor, Button, CloseButton, Group, Text } from '@mantine/core';
import { Link } from 'wouter';
import { ProblemAlert } from '../components/ProblemAlert';
import { ProgressBar } from '../components/ProgressBar';
import { bytes } from '../locale/format';
import { LookupNotice } from '../requests/LookupNotice';
import { UploadUnanswered } from './send';
import classes from './UploadRow.module.css';
import { cancelUpload, dismissUpload, type Upload } from './uploads';

/** The state of an upload, with a button that cancels or removes it. */
export function UploadRow({ upload }: { upload: Upload }) {
  const { id, name, size, state, purpose } = upload;
  const texts = TEXTS[purpose.for];
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
          <Text size="sm" className={classes.text}>
            {name}: queued
          </Text>
          {cancel}
        </Group>
      );
    case 'sending':
    case 'checking': {
      const words =
        state.at === 'checking'
          ? checking(texts.checking, state.cancel)
          : `${bytes(state.sent)} of ${bytes(size)}`;
      return (
        <div>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" className={classes.text} aria-live="polite">
              {name}: {words}
            </Text>
            {(state.at === 'sending' || state.cancel === undefined) && cancel}
          </Group>
          <ProgressBar
            label={`Upload of ${name}`}
            share={state.at === 'sending' ? state.sent / size : undefined}
            valueText={words}
          />
        </div>
      );
    }
    case 'looking up':
      return (
        <Group align="flex-start" wrap="nowrap">
          <div className={classes.text}>
            <LookupNotice name={`Upload ${name}`} lookup={state} />
          </div>
          <CloseButton aria-label={`Remove ${name} from the list`} onClick={() => cancelUpload(id)} />
        </Group>
      );
    case 'done':
      return (
        <Group justify="space-between" wrap="nowrap">
          <Text size="sm" role="status" className={classes.text}>
            {texts.done(name)}{' '}
            {state.plan !== undefined && (
              <Anchor component={Link} href={`/import/${state.plan}`} size="sm">
                Show the plan
              </Anchor>
            )}
          </Text>
          {remove}
        </Group>
      );
    case 'failed':
      return (
        <Group align="flex-start" wrap="nowrap">
          <div className={classes.text}>
            <ProblemAlert
              error={state.error}
              title={
                state.error instanceof UploadUnanswered
                  ? `Not known yet whether ${name} was added`
                  : texts.failed(name)
              }
            />
          </div>
          {remove}
        </Group>
      );
  }
}

/** The texts for each purpose. */
const TEXTS = {
  backup: {
    checking: 'checking the file',
    done: (name: string) => `Complete: ${name} was checked and added to the list.`,
    failed: (name: string) => `${name} could not be added`,
  },
  import: {
    checking: 'reading the file and comparing it with the data',
    done: (name: string) => `${name} was read. Nothing has changed yet.`,
    failed: (name: string) => `${name} can’t be imported`,
  },
};

/** The text while the service checks a file. */
function checking(text: string, cancel: 'asked' | 'too late' | undefined): string {
  switch (cancel) {
    case undefined:
      return text;
    case 'asked':
      return 'cancelling';
    case 'too late':
      return 'the service is already adding the file, so this can no longer be cancelled. Delete the backup from the list afterwards.';
  }
}
