import type { Archive } from '../api/archives';
import { nameOf } from '../api/tables';
import { dateTime, shortDateTime } from '../locale/format';

/** The labels that the service gives to safety backups, and the events that they name. */
const SAFETY_LABELS: readonly [RegExp, (scope: string) => string][] = [
  [/^before (?:the )?restore of \S+$/i, () => 'Before restore'],
  [/^before clearing (\w+)$/i, (scope) => `Before clearing ${nameOf(scope).toLowerCase()}`],
];

/** The name of a backup on the pages: its label, or the time when it was created. */
export function backupName(archive: Pick<Archive, 'kind' | 'label' | 'created_at'>): string {
  return safetyName(archive) ?? archive.label ?? dateTime(archive.created_at);
}

/** The name of a safety backup that has the label of the service, such as `Before restore, 28 Nov 13:00`. */
export function safetyName({
  kind,
  label,
  created_at,
}: Pick<Archive, 'kind' | 'label' | 'created_at'>): string | undefined {
  if (kind !== 'safety' || label === null || label === undefined) return undefined;
  for (const [pattern, event] of SAFETY_LABELS) {
    const match = pattern.exec(label);
    if (match) return `${event(match[1] ?? '')}, ${shortDateTime(created_at)}`;
  }
  return undefined;
}
