import { Text } from '@mantine/core';
import { Link } from 'wouter';
import { counted, plural } from '../locale/format';
import { isActive as isDownloading } from '../transfers/store';
import { isActive as isUploading } from '../transfers/uploads';
import { useTransfers, useUploads } from '../transfers/useTransfers';
import classes from './RunningTransfers.module.css';

/** On other pages, says that uploads and downloads are running, with a link to them. */
export function RunningTransfers({ location }: { location: string }) {
  const downloads = useTransfers().filter(isDownloading).length;
  const sent = useUploads().filter(isUploading);
  const uploads = sent.filter(({ purpose }) => purpose.for === 'backup').length;
  const imports = sent.length - uploads;
  return (
    <>
      {imports > 0 && !/^\/import(\/|$)/.test(location) && (
        <Running
          href="/import"
          message={`${counted(imports, 'file is', 'files are')} being read for an import`}
        />
      )}
      {uploads > 0 && location !== '/archives' && (
        <Running
          href="/archives"
          message={`${counted(uploads, 'upload', 'uploads')} ${plural(uploads, 'is', 'are')} running`}
        />
      )}
      {downloads > 0 && location !== '/download' && (
        <Running
          href="/download"
          message={`${counted(downloads, 'download', 'downloads')} ${plural(downloads, 'is', 'are')} running`}
        />
      )}
    </>
  );
}

function Running({ href, message }: { href: string; message: string }) {
  return (
    <Text size="sm" role="status" className={classes.running}>
      {message}. <Link href={href}>Show</Link>
    </Text>
  );
}
