import { Button, Group, Stack, Text } from '@mantine/core';
import type { ImportRequest } from '../../api/imports';
import { ProblemAlert } from '../../components/ProblemAlert';
import { UploadRow } from '../../transfers/UploadRow';
import { dismissUpload } from '../../transfers/uploads';
import { useUploads } from '../../transfers/useTransfers';
import { refusalOf } from './refusal';
import { useSendFile } from './useSendFile';

/** The files that are being sent or that were refused. */
export function ImportFiles() {
  return useUploads().map(({ purpose, ...upload }) => {
    if (purpose.for !== 'import') return null;
    if (upload.state.at !== 'failed') return <UploadRow key={upload.id} upload={{ ...upload, purpose }} />;
    return (
      <RefusedFile
        key={upload.id}
        id={upload.id}
        file={purpose.file}
        request={purpose.request}
        error={upload.state.error}
      />
    );
  });
}

/** Why a file was refused, with what helps. */
function RefusedFile({
  id,
  file,
  request,
  error,
}: {
  /** The id of the upload. */
  id: number;
  file: File;
  request: ImportRequest;
  error: unknown;
}) {
  const send = useSendFile();
  const { name } = file;
  const { sheets, problem } = refusalOf(error);
  const again = (sheet: string) => {
    dismissUpload(id);
    send(file, { ...request, options: { ...request.options, sheet } });
  };
  return (
    <ProblemAlert error={problem} title={`${name} can’t be imported`}>
      {sheets.length > 0 && (
        <Stack gap="xs">
          <Text size="sm">Which sheet do you want to import?</Text>
          <Group gap="xs">
            {sheets.map((sheet) => (
              <Button key={sheet} size="xs" variant="default" onClick={() => again(sheet)}>
                <bdi>{sheet}</bdi>
              </Button>
            ))}
          </Group>
        </Stack>
      )}
      <Button
        size="xs"
        variant="default"
        aria-label={`Remove ${name} from the list`}
        onClick={() => dismissUpload(id)}
      >
        Remove
      </Button>
    </ProblemAlert>
  );
}
