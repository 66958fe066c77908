import type { Archive } from '../api/archives';
import { dateTime, duration } from '../locale/format';

/** The origin of an archive, as far as the service can prove it. */
export const ORIGINS = {
  made_here: { label: undefined, description: 'This service created it.' },
  uploaded: { label: 'Uploaded', description: 'An administrator uploaded it.' },
  found: {
    label: 'Found',
    description:
      'It was found in the backup storage. The service can’t prove where it comes from, or who named it.',
  },
} as const;

/** The state of verification of an archive: a label and a description. */
export function verificationStatus(archive: Archive): {
  label: string;
  color: 'green' | 'red' | 'gray';
  description: string;
} {
  const last = archive.verification;
  if (!last)
    return {
      label: archive.origin === 'found' ? 'Not verified' : 'Checked when created',
      color: 'gray',
      description:
        archive.origin === 'found'
          ? 'This service has not verified it yet.'
          : 'It was checked when it was created, and not verified since.',
    };
  const when = dateTime(last.at);
  if (last.result === 'failed')
    return {
      label: 'Damaged',
      color: 'red',
      description: `Damage was found on ${when}. ${defectOf(last.code) ?? UNREADABLE}`,
    };
  if (last.level === 'digest')
    return {
      label: 'Verified',
      color: 'green',
      description: `It was read completely and verified on ${when}.`,
    };
  const restore =
    last.restore_seconds == null
      ? ''
      : ` The test restore took ${duration(Math.max(1, last.restore_seconds))}.`;
  return {
    label: 'Restore tested',
    color: 'green',
    description: `It was restored into a temporary database on ${when}.${restore}`,
  };
}

const UNREADABLE = 'Its content can’t be read to the end.';

/** The defects of a damaged archive, by problem code. */
const DEFECTS: Readonly<Record<string, string>> = {
  not_an_archive: 'The file is not a backup.',
  archive_corrupt: UNREADABLE,
  archive_invalid_value: 'One of its values is invalid.',
  archive_invalid_row: 'One of its rows is invalid.',
  archive_ids_out_of_order: 'Its rows are in the wrong order.',
  archive_limit_exceeded: 'It is larger than a backup may be.',
  archive_empty: 'The file is empty.',
  archive_truncated: 'The file is incomplete: its end is missing.',
  archive_digest_mismatch: 'Its content has changed since it was written.',
  archive_wrong_key: 'It was encrypted with a key that this service does not have.',
  archive_key_required: 'It is encrypted, and this service has no key.',
  archive_newer_version: 'A newer version of this program wrote it.',
  archive_schema_mismatch: 'It has other tables or columns than this school.',
  archive_table_not_found: 'A table is missing in it.',
  archive_not_canonical: 'Another program has changed it.',
  archive_duplicate_id: 'It contains the same row twice.',
  archive_duplicate_key: 'Two of its rows have the same value in a column that must be unique.',
  archive_count_mismatch: 'It does not have the number of rows that it states.',
  archive_totals_mismatch: 'The sum of its amounts is not the one that it states.',
  archive_trailing_data: 'Something was added after its end.',
  archive_orphan: 'One of its rows refers to a row that is missing.',
  archive_manifest_mismatch: 'It is not the file that was stored.',
  archive_record_mismatch: 'It is not the file that was stored.',
  archive_unrestorable: 'The database does not accept some of its rows.',
};

/** The defect that a problem code names, if the problem is one of the archive. */
export const defectOf = (code: string | null | undefined): string | undefined => DEFECTS[code ?? ''];

/** The seconds that the last successful test restore took. */
export function restoreSeconds(archive: Archive): number | undefined {
  const tested = archive.verifications.find((each) => each.result === 'ok' && each.restore_seconds != null);
  return tested?.restore_seconds ?? undefined;
}
