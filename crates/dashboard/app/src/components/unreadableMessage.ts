import { timeFromId } from '../api/archives';
import type { components } from '../api/schema';
import { dateTime } from '../locale/format';

type UnreadableArchive = components['schemas']['UnreadableArchive'];

const MESSAGES: Readonly<Record<string, string>> = {
  incomplete: 'Its description is missing. If it is being copied, wait for the end.',
  access_denied: 'The service may not read its files.',
  symbolic_link: 'It is a link to another place, and the service follows no links.',
  wrong_kind: 'It has the name of a backup and is something else.',
  invalid_name: 'Its name can’t be used.',
  wrong_file_name: 'The name of its file is not one that the service knows.',
  newer_version: 'A newer version of this program wrote it.',
};

/** What is said of an entry of the store that is not in the list, since it can’t be read. */
export function unreadableMessage({ id, code }: Pick<UnreadableArchive, 'id' | 'code'>): {
  title: string;
  detail: string;
} {
  const moment = timeFromId(id);
  const subject = moment ? `The backup of ${dateTime(moment)}` : 'Something in the place of the backups';
  return {
    title: code === 'incomplete' ? `${subject} is incomplete` : `${subject} can’t be read`,
    detail: `${MESSAGES[code] ?? 'The service can’t read its description.'} It can’t be restored as it is. Ask whoever runs the service to look at it.`,
  };
}
