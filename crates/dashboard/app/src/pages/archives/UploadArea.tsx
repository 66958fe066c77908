import { Button, Group, Stack, Text } from '@mantine/core';
import { type DragEvent, useRef, useState } from 'react';
import { Icon } from '../../components/Icon';
import { upload } from '../../transfers/uploads';
import { useUploads } from '../../transfers/useTransfers';
import classes from './Archives.module.css';
import { UploadRow } from './UploadRow';

/** Uploads backup files that are dropped or chosen. */
export function UploadArea() {
  const uploads = useUploads();
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    uploadAll(event.dataTransfer.files);
  };
  return (
    // Drag and drop is an addition. The button works with the keyboard, too.
    // biome-ignore lint/a11y/noStaticElementInteractions: see above.
    <div
      className={classes.drop}
      data-over={isOver || undefined}
      data-testid="drop"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <Stack>
        <Group justify="space-between">
          <div className={classes.text}>
            <Text fw={550}>Upload a backup file</Text>
            <Text size="sm" c="dimmed">
              Drop a backup file here, or choose one. The service checks the whole file and then adds it to
              the list. Your current data is not changed.
            </Text>
          </div>
          <Button
            variant="default"
            leftSection={<Icon name="upload" size={18} />}
            onClick={() => input.current?.click()}
          >
            Choose a file…
          </Button>
        </Group>
        <input
          ref={input}
          type="file"
          multiple
          className={classes.file}
          aria-label="Backup file to upload"
          onChange={(event) => {
            uploadAll(event.currentTarget.files);
            event.currentTarget.value = '';
          }}
        />
        {uploads.map((each) => (
          <UploadRow key={each.id} upload={each} />
        ))}
      </Stack>
    </div>
  );
}

function uploadAll(files: FileList | null): void {
  for (const file of files ?? []) upload(file);
}
