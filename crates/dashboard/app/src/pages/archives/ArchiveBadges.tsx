import { Badge } from '@mantine/core';
import { type Archive, isSuspicious } from '../../api/archives';
import { ORIGINS } from '../../components/verification';
import classes from './Archives.module.css';

/** What people should know of a backup, besides the state of its verification. */
export function ArchiveBadges({ archive }: { archive: Archive }) {
  const origin = ORIGINS[archive.origin];
  return (
    <span className={classes.badges}>
      {isSuspicious(archive) && (
        <Badge
          variant="light"
          color="yellow"
          title="It has far fewer rows or less money than those before it."
        >
          Suspicious
        </Badge>
      )}
      {archive.kind === 'safety' && (
        <Badge variant="light" color="gray">
          Safety backup
        </Badge>
      )}
      {origin.label && (
        <Badge
          variant="light"
          color={archive.origin === 'found' ? 'yellow' : 'gray'}
          title={origin.description}
        >
          {origin.label}
        </Badge>
      )}
      {archive.protected && (
        <Badge variant="light" color="blue">
          Protected
        </Badge>
      )}
      {archive.encryption === 'age' && (
        <Badge variant="light" color="gray">
          Encrypted
        </Badge>
      )}
    </span>
  );
}
