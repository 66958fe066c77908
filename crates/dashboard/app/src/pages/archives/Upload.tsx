import { Button, Group, Stack, Text } from '@mantine/core';
import { type DragEvent, useRef, useState } from 'react';
import { changed } from '../../api/queries';
import { bytes } from '../../locale/format';
import { Bar } from '../../parts/Bar';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import classes from './Archives.module.css';
import { type Sending, send } from './send';

type State =
  | { at: 'nothing' }
  | { at: 'sending'; name: string; sent: number; size: number; sending: Sending }
  | { at: 'done'; name: string }
  | { at: 'failed'; name: string; error: unknown };

/** Lets an archive in, dropped here or chosen. */
export function Upload() {
  const [state, setState] = useState<State>({ at: 'nothing' });
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const take = async (file: File | undefined) => {
    if (!file || state.at === 'sending') return;
    const sending = send(file, (sent) =>
      setState((before) => (before.at === 'sending' ? { ...before, sent } : before)),
    );
    setState({ at: 'sending', name: file.name, sent: 0, size: file.size, sending });
    try {
      await sending.answered;
      setState({ at: 'done', name: file.name });
      changed('archives');
    } catch (error) {
      const stopped = error instanceof DOMException && error.name === 'AbortError';
      setState(stopped ? { at: 'nothing' } : { at: 'failed', name: file.name, error });
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  return (
    // Dropping is one more way; the button is the one for everybody.
    // biome-ignore lint/a11y/noStaticElementInteractions: see above.
    <div
      className={classes.drop}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Stack>
        <Group justify="space-between">
          <div className={classes.words}>
            <Text fw={550}>Bring an archive</Text>
            <Text size="sm" c="dimmed">
              Drop a file here, such as a complete backup that was downloaded. It is checked to its end before
              it is listed, and nothing is restored.
            </Text>
          </div>
          <Button
            variant="default"
            leftSection={<Icon name="upload" size={18} />}
            disabled={state.at === 'sending'}
            onClick={() => input.current?.click()}
          >
            Upload a file…
          </Button>
        </Group>
        <input
          ref={input}
          type="file"
          className={classes.file}
          aria-label="The archive to upload"
          onChange={(event) => {
            take(event.currentTarget.files?.[0]);
            event.currentTarget.value = '';
          }}
        />
        {state.at === 'sending' && (
          <>
            <Group justify="space-between">
              <Text size="sm" aria-live="polite">
                {state.name}:{' '}
                {state.sent < state.size ? `${bytes(state.sent)} of ${bytes(state.size)}` : 'being checked'}
              </Text>
              <Button size="xs" variant="default" onClick={state.sending.stop}>
                Cancel
              </Button>
            </Group>
            <Bar
              label={`Upload of ${state.name}`}
              share={state.sent < state.size ? state.sent / state.size : undefined}
              words="being checked"
            />
          </>
        )}
        {state.at === 'done' && (
          <Text size="sm" role="status">
            {state.name} arrived, is whole, and is listed.
          </Text>
        )}
        {state.at === 'failed' && <ProblemAlert error={state.error} title={`${state.name} was not let in`} />}
      </Stack>
    </div>
  );
}
