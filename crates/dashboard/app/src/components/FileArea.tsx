import { Button, Group, Stack, Text } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import classes from './FileArea.module.css';
import { Icon } from './Icon';
import { useFileDrop } from './useFileDrop';

/** Takes files that are chosen, or dropped anywhere on the page. */
export function FileArea({
  title,
  text,
  inputLabel,
  action = 'Choose a file…',
  variant = 'default',
  accept,
  multiple = false,
  onFiles,
  children,
}: {
  title: string;
  text: ReactNode;
  /** The name of the input for screen readers. */
  inputLabel: string;
  action?: string;
  variant?: 'default' | 'filled';
  /** The endings that the file dialog shows first. */
  accept?: string;
  multiple?: boolean;
  /** It must be the same function while the component is shown, or the drop is registered again. */
  onFiles: (files: FileList) => void;
  /** The state of the files. */
  children?: ReactNode;
}) {
  const isOver = useFileDrop(onFiles);
  const input = useRef<HTMLInputElement>(null);
  return (
    <section className={classes.area} data-over={isOver || undefined} data-testid="drop" aria-label={title}>
      <Stack>
        <Group justify="space-between">
          <div className={classes.text}>
            <Text fw={550}>{title}</Text>
            <Text size="sm" c="dimmed">
              {text}
            </Text>
          </div>
          <Button
            variant={variant}
            leftSection={<Icon name="upload" size={18} />}
            onClick={() => input.current?.click()}
          >
            {action}
          </Button>
        </Group>
        <input
          ref={input}
          type="file"
          multiple={multiple}
          accept={accept}
          className={classes.input}
          aria-label={inputLabel}
          onChange={(event) => {
            if (event.currentTarget.files) onFiles(event.currentTarget.files);
            event.currentTarget.value = '';
          }}
        />
        {children}
      </Stack>
    </section>
  );
}
