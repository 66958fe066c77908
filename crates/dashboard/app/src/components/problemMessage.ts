// What the service says to programs, said to people: without paths, parameters and ids.
import type { ProblemDocument } from '../api/problem';
import { defectOf } from './verification';

export interface ProblemMessage {
  title?: string;
  detail?: string;
  hint?: string;
  /** Whether the service's own words are worth quoting to whoever runs it. */
  isTechnical?: boolean;
}

/** Where the service's own words speak of its interface. All other problems are told as the service tells them. */
const MESSAGES: Readonly<Partial<Record<ProblemDocument['code'], ProblemMessage>>> = {
  archive_gone: {
    title: 'This backup is gone',
    detail: 'This backup was deleted. It can’t be brought back.',
  },
  archive_incomplete: {
    title: 'This backup is incomplete',
    detail: 'Its description is missing.',
    hint: 'If it is being copied, wait for the end. If it is whole, ask whoever runs the service to verify it.',
  },
  archive_needed_for_undo: { hint: 'Undo the clear first, or delete the backup all the same.' },
  archive_protected: {
    detail: 'It is protected, so it was not changed.',
    hint: 'Remove its protection first.',
  },
  archive_unencrypted: {
    detail: 'This backup is not encrypted, and the backups of this service are. Nothing was changed.',
  },
  archive_unreadable: {
    title: 'This backup can’t be read',
    detail: 'The service can’t read its files.',
    hint: 'Ask whoever runs the service to look at them.',
  },
  archive_row_not_found: {
    title: 'The backup does not have this student',
    detail: 'No row of that ID is in it. Look for it in an older backup.',
  },
  busy: {
    title: 'The data is being changed right now',
    detail: 'Another clear, restore or undo is running. Nothing was changed by this one.',
    hint: 'Wait until it has ended. It is shown at the top of the page. Then try again.',
  },
  idempotency_key_reused: {
    title: 'This page has sent something else before',
    detail: 'Nothing was changed.',
    hint: 'Reload the page and try again.',
  },
  internal: {
    detail: 'The service has noted what went wrong in its log.',
    hint: 'Ask whoever runs the service to look there.',
  },
  malformed_body: {
    title: 'The service did not understand this page',
    detail: 'What arrived was not what the page sends. Nothing was changed.',
    hint: 'Reload the page and try again.',
    isTechnical: true,
  },
  manifest_unreadable: {
    title: 'The description of this backup can’t be read',
    detail: 'The backup itself may be whole.',
    hint: 'Ask whoever runs the service to verify it.',
  },
  // Its detail says what the file is instead.
  not_an_archive: {},
  not_cancellable: {
    detail: 'It has ended, or its changes are being saved right now. It can’t be cancelled any more.',
  },
  plan_outdated: {
    title: 'The data has changed since the preview was made',
    detail: 'Nothing was changed.',
    hint: 'Make the preview again and look at the new numbers.',
  },
  restore_conflict: { hint: 'Make the preview again: it says what stands in the way.' },
  row_count_changed: { hint: 'Count again, look at the new numbers, and confirm them.' },
  store_misconfigured: {
    detail: 'The settings of the place where backups are kept are wrong. Nothing was changed.',
    hint: 'Ask whoever runs the service to look at them.',
    isTechnical: true,
  },
  unauthenticated: { detail: 'Your session has ended. Sign in again.' },
  undo_expired: {
    detail: 'The time in which this clear could be undone is over. Its safety archive can still be restored.',
  },
  undo_unproven: {
    detail: 'Nothing proves that the safety archive was made for this clear. Nothing was changed.',
  },
  unexportable: {
    title: 'A value can’t be written into the file',
    detail: 'A row of the table has a value that the service can’t write. Nothing was saved.',
    hint: 'Ask whoever runs the service to look at that row.',
    isTechnical: true,
  },
  unknown_archive: {
    title: 'There is no such backup',
    detail: 'The address may be wrong, or the backup was deleted long ago.',
  },
  unknown_job: {
    title: 'This job is not known any more',
    detail: 'The service remembers the newest jobs only.',
  },
  wrong_confirmation: { detail: 'The confirmation is missing or wrong. Nothing was changed.' },
};

export function problemMessage(code: ProblemDocument['code']): ProblemMessage {
  const defect = defectOf(code);
  return MESSAGES[code] ?? (defect === undefined ? {} : { detail: defect, isTechnical: true });
}
