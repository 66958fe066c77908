import type { Destination } from '../../api/destinations';
import { counted, number } from '../../locale/format';

export interface DestinationState {
  label: string;
  color: 'green' | 'yellow' | 'red' | 'gray';
}

/** The number of backups that have no copy in a destination. */
export function behind({ copies }: Pick<Destination, 'copies'>): number {
  return copies.pending + copies.failed;
}

/** The state of a destination in two words. */
export function destinationState(destination: Destination): DestinationState {
  const missing = behind(destination);
  if (!destination.enabled) return { label: 'Disabled', color: 'gray' };
  if (destination.failing_since !== null) return { label: 'Failing', color: 'red' };
  if (missing > 0) return { label: `${counted(missing, 'copy', 'copies')} behind`, color: 'yellow' };
  if (destination.copies.copied === 0) return { label: 'No copies yet', color: 'gray' };
  return { label: 'Up to date', color: 'green' };
}

/** The copies by their state, such as `12 copied, 3 waiting`. */
export function copiesText({ copies }: Pick<Destination, 'copies'>): string {
  const states: [number, string][] = [
    [copies.pending, 'waiting'],
    [copies.failed, 'failed'],
    [copies.deleting, 'being deleted'],
    [copies.retained, 'kept because the destination refuses to delete them'],
  ];
  const others = states.filter(([count]) => count > 0).map(([count, text]) => `, ${number(count)} ${text}`);
  return `${counted(copies.copied, 'backup', 'backups')} copied${others.join('')}`;
}
