import { useLocation } from 'wouter';
import { ArchiveFromUrl } from '../../components/ArchiveFromUrl';
import { ArchiveList } from './ArchiveList';
import { ArchivePage } from './ArchivePage';

/** The routes `/archives` and `/archives/ARCHIVE`. */
export default function Archives() {
  const [location] = useLocation();
  const [, , id = ''] = location.split('/');
  if (id === '') return <ArchiveList />;
  return (
    <ArchiveFromUrl id={id} back="/archives">
      {(archive) => <ArchivePage archive={archive} />}
    </ArchiveFromUrl>
  );
}
