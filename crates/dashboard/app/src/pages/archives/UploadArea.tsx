import { FileArea } from '../../components/FileArea';
import { UploadRow } from '../../transfers/UploadRow';
import { upload } from '../../transfers/uploads';
import { useUploads } from '../../transfers/useTransfers';

/** Uploads backup files that are chosen, or dropped anywhere on the page. */
export function UploadArea() {
  const uploads = useUploads().filter(({ purpose }) => purpose.for === 'backup');
  return (
    <FileArea
      title="Upload a backup file"
      text="Choose a file, or drop it anywhere on this page. The service checks the whole file and then adds it to the list. Your current data is not changed."
      inputLabel="Backup file to upload"
      multiple
      onFiles={uploadAll}
    >
      {uploads.map((each) => (
        <UploadRow key={each.id} upload={each} />
      ))}
    </FileArea>
  );
}

function uploadAll(files: FileList): void {
  for (const file of files) upload(file);
}
