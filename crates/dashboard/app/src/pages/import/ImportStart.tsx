import { NativeSelect, Stack, Text } from '@mantine/core';
import { useCallback, useState } from 'react';
import { DEFAULT_OPTIONS, IMPORT_TABLES, type ImportRequest, type ImportTable } from '../../api/imports';
import { nameOf } from '../../api/tables';
import { FileArea } from '../../components/FileArea';
import { Step } from '../../components/Step';
import { Tip } from '../../components/Tip';
import { UndoableChanges } from '../../components/UndoableChanges';
import { FILE_ENDINGS } from './columns';
import { ImportFiles } from './ImportFiles';
import { OptionsPanel } from './OptionsPanel';
import { StagedImports } from './StagedImports';
import { Templates } from './Templates';
import { useSendFile } from './useSendFile';

/** Chooses the table and the file. */
export function ImportStart() {
  const [request, setRequest] = useState<ImportRequest>({ table: 'students', options: DEFAULT_OPTIONS });
  const { table, options } = request;
  const send = useSendFile();
  const onFiles = useCallback(
    (files: FileList) => {
      for (const file of files) send(file, request);
    },
    [send, request],
  );
  return (
    <Stack gap="xl">
      <Stack>
        <Step number={1} title="Which table">
          <NativeSelect
            label="Table"
            maw="24rem"
            value={table}
            onChange={(event) =>
              setRequest({
                table: event.currentTarget.value as ImportTable,
                options: { ...options, columns: {} },
              })
            }
            data={IMPORT_TABLES.map((each) => ({ value: each, label: nameOf(each) }))}
          />
          <Templates table={table} />
        </Step>
        <Step number={2} title="Which file">
          <FileArea
            title={`File for ${nameOf(table).toLowerCase()}`}
            text="CSV, Excel, LibreOffice or JSON. Choose a file, or drop it anywhere on this page."
            inputLabel="File to import"
            variant="filled"
            accept={FILE_ENDINGS}
            onFiles={onFiles}
          >
            <ImportFiles />
          </FileArea>
          <OptionsPanel request={request} onChange={(next) => setRequest({ table, options: next })} />
        </Step>
      </Stack>
      <StagedImports />
      <UndoableChanges kind="import" />
      <Tip title="From a spreadsheet and back">
        <Text size="sm">
          Download a table as CSV or Excel, correct it, and import it here. The import changes only the rows
          that you corrected. The headings may be in any order, also in other usual words, such as “Reg No”.
        </Text>
      </Tip>
    </Stack>
  );
}
