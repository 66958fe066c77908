import type { ArchiveKeys } from '../../api/keys';

/** How new backups are encrypted. */
export const ENCRYPTION: Readonly<Record<ArchiveKeys['mode'], string>> = {
  none: 'New backups are not encrypted.',
  key_file: 'New backups are encrypted. The service has the key, so it can restore them by itself.',
  recipients:
    'New backups are encrypted to public keys. The service can’t decrypt them: a restore asks for the secret key.',
};

/** A fingerprint in groups of four digits, which people can compare. */
export function grouped(digits: string): string {
  return digits.match(/.{1,4}/g)?.join(' ') ?? digits;
}

/** A setting that the operator of the server changes with an option of the program. */
export interface ServerOption {
  what: string;
  option: string;
  initial: string;
}

/** The options that administrators ask for most. `serve --help` has all of them. */
export const SERVER_OPTIONS: readonly { title: string; options: readonly ServerOption[] }[] = [
  {
    title: 'Data and backups',
    options: [
      { what: 'Database', option: '--database-url', initial: 'SQLite in the data folder' },
      { what: 'Data folder', option: '--data-dir', initial: './data' },
      { what: 'Backup storage', option: '--archives', initial: 'archives in the data folder' },
      { what: 'Encryption by a key file', option: '--archive-key-file', initial: 'not encrypted' },
      { what: 'Encryption to public keys', option: '--archive-recipients', initial: 'none' },
      { what: 'Folders for destinations', option: '--destination-folders', initial: 'none' },
    ],
  },
  {
    title: 'Times and limits',
    options: [
      { what: 'Time zone of files and schedules', option: '--timezone', initial: 'UTC' },
      { what: 'Time to undo a clear', option: '--undo-window', initial: '7 days' },
      { what: 'Events of the audit are kept for', option: '--audit-days', initial: '730 days' },
      { what: 'Largest backup file to upload', option: '--upload-limit', initial: '8 GiB' },
      { what: 'Largest file to import', option: '--import-limit', initial: '1 GiB' },
      { what: 'Downloads at the same time', option: '--max-downloads', initial: '8' },
      { what: 'Fall of rows that is suspicious', option: '--suspicion-threshold', initial: '30 %' },
    ],
  },
  {
    title: 'Signing in and messages',
    options: [
      { what: 'Password is asked again after', option: '--session-lifetime', initial: '12 hours' },
      { what: 'Sign-out without use after', option: '--token-lifetime', initial: '15 minutes' },
      { what: 'Identity provider', option: '--oidc-issuer', initial: 'none' },
      { what: 'Mail server', option: '--smtp-url-file', initial: 'none' },
      { what: 'Address in links and mails', option: '--public-url', initial: 'host of the request' },
    ],
  },
];
