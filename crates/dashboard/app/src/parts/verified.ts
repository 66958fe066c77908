import type { Archive } from '../api/archives';
import { dateTime, duration } from '../locale/format';

/** Where an archive comes from, as far as the service can prove it. */
export const ORIGINS = {
  made_here: { word: undefined, words: 'This service created it.' },
  uploaded: { word: 'Uploaded', words: 'An administrator uploaded it.' },
  found: {
    word: 'Found',
    words: 'It was found in the store. Nothing here proves where it comes from, or who wrote its label.',
  },
} as const;

/** What is known of an archive's wholeness: in a word, and at length. */
export function verified(archive: Archive): { word: string; color: 'green' | 'red' | 'gray'; words: string } {
  const last = archive.verification;
  if (!last)
    return {
      word: 'Not verified',
      color: 'gray',
      words:
        archive.origin === 'found'
          ? 'This service has not verified it.'
          : 'It was read back when it was stored, and not since.',
    };
  const when = dateTime(last.at);
  if (last.result === 'failed')
    return { word: 'Damaged', color: 'red', words: `Found damaged on ${when}: ${last.code}.` };
  if (last.level === 'digest')
    return { word: 'Verified', color: 'green', words: `Read and compared on ${when}.` };
  const restore =
    last.restore_seconds == null ? '' : ` A restore took ${duration(Math.max(1, last.restore_seconds))}.`;
  return { word: 'Rehearsed', color: 'green', words: `Restored as a rehearsal on ${when}.${restore}` };
}

/** How long a restore of it took, the last time that this was tried. */
export function restoreSeconds(archive: Archive): number | undefined {
  const rehearsed = archive.verifications.find(
    (each) => each.result === 'ok' && each.restore_seconds != null,
  );
  return rehearsed?.restore_seconds ?? undefined;
}
