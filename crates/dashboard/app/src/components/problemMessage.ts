// Plain texts for problem codes. The messages of the API are written for programs: they name paths, parameters and ids.
import type { ProblemDocument } from '../api/problem';
import { defectOf } from './verification';

export interface ProblemMessage {
  title?: string;
  detail?: string;
  hint?: string;
  /** Whether the operator of the service needs the original message. */
  isTechnical?: boolean;
}

/** The codes whose message needs a plain text. For all other codes the page shows the message of the service. */
const MESSAGES: Readonly<Partial<Record<ProblemDocument['code'], ProblemMessage>>> = {
  archive_gone: {
    title: 'This backup was deleted',
    detail: 'A deleted backup can’t be restored. Choose another backup.',
  },
  archive_incomplete: {
    title: 'This backup is incomplete',
    detail: 'Its description file is missing.',
    hint: 'If it is still being copied, wait until that is finished. Otherwise ask the operator of this service to verify it.',
  },
  archive_is_newest: {
    title: 'This is the newest backup',
    detail: 'Without it, the latest data can’t be restored. The backup was not deleted.',
    hint: 'Create a new backup first, or delete this one anyway.',
  },
  archive_key_required: {
    title: 'This backup is encrypted',
    detail: 'The service does not have its secret key. Nothing was changed.',
    hint: 'Enter the secret key that was made for the backups.',
  },
  archive_wrong_key: {
    title: 'This key does not open the backup',
    detail: 'The backup was encrypted with another key. Nothing was changed.',
    hint: 'Enter the right secret key. The recovery sheet of each key has its fingerprint.',
  },
  archive_needed_for_undo: { hint: 'Undo the change first, or delete the backup anyway.' },
  archive_protected: {
    detail: 'The backup is protected from deletion. It was not changed.',
    hint: 'Remove the protection first.',
  },
  archive_unencrypted: {
    detail:
      'This backup is not encrypted, but the backups of this service are. It may come from elsewhere. Nothing was changed.',
  },
  archive_unreadable: {
    title: 'This backup can’t be read',
    detail: 'The service can’t read its files.',
    hint: 'Ask the operator of this service to check them.',
  },
  archive_row_not_found: {
    title: 'This student is not in the backup',
    detail: 'The backup has no student with this ID. Nothing was changed.',
    hint: 'Check the ID, or choose an older backup.',
  },
  busy: {
    title: 'Another change is running',
    detail: 'Another clear, restore, import or undo is changing the data. Your request changed nothing.',
    hint: 'Wait until the other change has ended. It is shown at the top of the page. Then try again.',
  },
  retention_held: { title: 'Old backups are not deleted for now' },
  retention_off: { hint: 'Set how many backups are kept first.' },
  idempotency_key_reused: {
    title: 'This page repeated a request by mistake',
    detail: 'Nothing was changed.',
    hint: 'Reload the page and try again.',
  },
  internal: {
    detail: 'The service wrote the details into its log.',
    hint: 'Ask the operator of this service to check the log.',
  },
  last_administrator: {
    title: 'This is the last administrator',
    detail: 'No other administrator can sign in with a password of their own. Nothing was changed.',
    hint: 'Create or enable another administrator first. That person signs in and chooses a password. To change your own password, use “Change your password” on the page “Accounts”.',
  },
  malformed_body: {
    title: 'The service did not understand this page',
    detail: 'The request was damaged on its way, or the page is outdated. Nothing was changed.',
    hint: 'Reload the page and try again.',
    isTechnical: true,
  },
  manifest_unreadable: {
    title: 'The description of this backup can’t be read',
    detail: 'The backup itself may be complete.',
    hint: 'Ask the operator of this service to verify it.',
  },
  // The message says what the file is instead.
  not_an_archive: {},
  not_cancellable: {
    detail: 'The job has ended, or its changes are being saved. It can no longer be cancelled.',
  },
  password_change_required: { detail: 'Sign in again and choose a new password.' },
  password_expired: {
    title: 'This one-time password has expired',
    detail: 'It was not changed within a day.',
    hint: 'Ask another administrator or the operator of this service for a new one.',
  },
  plan_outdated: {
    title: 'The preview is outdated',
    detail: 'The data has changed since the preview. Nothing was changed.',
    hint: 'Refresh the preview and check the new numbers.',
  },
  restore_conflict: { hint: 'Refresh the preview. It shows the conflicts.' },
  row_count_changed: {
    title: 'The number of rows has changed',
    detail: 'The data has changed since the rows were counted. Nothing was deleted.',
    hint: 'Count again, check the new numbers, and confirm them.',
  },
  store_misconfigured: {
    detail: 'The settings of the backup storage are wrong. Nothing was changed.',
    hint: 'Ask the operator of this service to check them.',
    isTechnical: true,
  },
  unauthenticated: { detail: 'Your session has ended. Sign in again.' },
  undo_expired: {
    detail:
      'The time to undo this change is over. You can still restore its safety backup on the page “Restore”.',
  },
  undo_unproven: {
    detail: 'The service can’t prove that the safety backup belongs to this change. Nothing was changed.',
  },
  unexportable: {
    title: 'A value can’t be written into the file',
    detail: 'A row of the table has a value that the service can’t write. Nothing was saved.',
    hint: 'Ask the operator of this service to check that row.',
    isTechnical: true,
  },
  unknown_archive: {
    title: 'There is no such backup',
    detail: 'The address may be wrong, or the backup was deleted long ago.',
  },
  unknown_job: {
    title: 'There is no such job',
    detail: 'The address may be wrong. The service remembers only the newest jobs.',
  },
  unknown_import: {
    title: 'There is no such plan',
    detail: 'It was discarded, or it is older than a day. Nothing was imported.',
    hint: 'Send the file again.',
  },
  wrong_confirmation: { detail: 'The confirmation is missing or wrong. Nothing was changed.' },
};

export function problemMessage(code: ProblemDocument['code']): ProblemMessage {
  const defect = defectOf(code);
  return MESSAGES[code] ?? (defect === undefined ? {} : { detail: defect, isTechnical: true });
}
