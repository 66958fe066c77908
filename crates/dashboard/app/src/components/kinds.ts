import type { Archive } from '../api/archives';

/** The names of the kinds of backups. */
export const KINDS: Readonly<Record<Archive['kind'], string>> = {
  created: 'Created',
  uploaded: 'Uploaded',
  safety: 'Safety backup',
};
