// The commands of the palette, and how they are found.
import type { Archive } from '../api/archives';
import { searchable, searchWords } from '../api/searchWords';
import { backupName } from '../components/backupName';
import type { IconName } from '../components/Icon';
import type { Page } from '../pages/registry';

/** What a command does: it opens a route, or acts. */
export type CommandTarget = { route: string } | { action: 'back up' | 'sign out' };

export interface Command {
  id: string;
  label: string;
  icon: IconName;
  target: CommandTarget;
  /** Other words by which people search it. */
  words?: string;
}

export interface CommandGroup {
  title: string;
  commands: Command[];
}

const ACTIONS: readonly Command[] = [
  {
    id: 'back up',
    label: 'Back up now',
    icon: 'archives',
    target: { action: 'back up' },
    words: 'create a backup save',
  },
  {
    id: 'password',
    label: 'Change your password',
    icon: 'accounts',
    target: { route: '/settings' },
  },
  { id: 'sign out', label: 'Sign out', icon: 'leave', target: { action: 'sign out' }, words: 'log out' },
];

/** So many backups are listed. More words find the others. */
const MAX_BACKUPS = 8;

/**
 * The commands that have all words of a search, and the backups that the service has found. Without a search, these are the
 * actions and the pages.
 */
export function findCommands(
  search: string,
  pages: readonly Page[],
  found: readonly Archive[],
): CommandGroup[] {
  const words = searchWords(search);
  const matches = ({ label, words: others = '' }: Command) => {
    const text = searchable(`${label} ${others}`);
    return words.every((word) => text.includes(word));
  };
  const routes = pages.map(
    ({ path, label, icon }): Command => ({ id: path, label, icon, target: { route: path } }),
  );
  const backups = found.slice(0, MAX_BACKUPS).map(
    (archive): Command => ({
      id: archive.id,
      label: backupName(archive),
      icon: 'archives',
      target: { route: `/archives/${archive.id}` },
    }),
  );
  return [
    { title: 'Actions', commands: ACTIONS.filter(matches) },
    { title: 'Pages', commands: routes.filter(matches) },
    { title: 'Backups', commands: backups },
  ].filter(({ commands }) => commands.length > 0);
}
