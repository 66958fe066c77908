import { timeFromId } from '../api/archives';
import type { components } from '../api/schema';
import { dateTime } from '../locale/format';

type UnreadableArchive = components['schemas']['UnreadableArchive'];

const MESSAGES: Readonly<Record<string, string>> = {
  incomplete: 'Its description file is missing. If it is still being copied, wait until that is finished.',
  access_denied: 'The service has no permission to read its files.',
  symbolic_link: 'It is a link to another folder, and the service does not follow links.',
  wrong_kind: 'It has the name of a backup but is something else.',
  invalid_name: 'Its name is not allowed.',
  wrong_file_name: 'The service does not know its type of file.',
  newer_version: 'A newer version of this program wrote it.',
};

/** The text for an entry of the store that can't be read, and so is not in the list of backups. */
export function unreadableMessage({ id, code }: Pick<UnreadableArchive, 'id' | 'code'>): {
  title: string;
  detail: string;
} {
  const moment = timeFromId(id);
  const subject = moment ? `The backup of ${dateTime(moment)}` : 'A file in the backup storage';
  return {
    title: code === 'incomplete' ? `${subject} is incomplete` : `${subject} can’t be read`,
    detail: `${MESSAGES[code] ?? 'The service can’t read its description.'} It can’t be restored as it is. Ask the operator of this service to check it.`,
  };
}
