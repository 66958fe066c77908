import classes from './FieldChanges.module.css';
import { headingOf } from './headings';

export type ChangeKind = 'added' | 'removed' | 'changed';

/** The label and the color of each kind of change. */
export const CHANGE_LOOKS = {
  added: { label: 'Added', color: 'green' },
  removed: { label: 'Removed', color: 'red' },
  changed: { label: 'Changed', color: 'yellow' },
} as const;

export interface FieldChange {
  field: string;
  before: string;
  after: string;
  /** Whether the values are not shown. */
  hidden?: boolean;
}

/** The fields of a row that is added, removed or changed, with the values before and after. */
export function FieldChanges({
  kind,
  fields,
  sides,
}: {
  kind: ChangeKind;
  fields: readonly FieldChange[];
  /** What the values before and after are called. */
  sides: { before: string; after: string };
}) {
  return (
    <dl className={classes.fields} data-change={kind}>
      {fields.map(({ field, before, after, hidden }) => (
        <div key={field} className={classes.field}>
          <dt>{headingOf(field)}</dt>
          {hidden && <dd className={classes.hidden}>Changed (hidden)</dd>}
          {!hidden && kind !== 'added' && (
            <dd className={classes.before} data-side={sides.before}>
              <del>{before}</del>
            </dd>
          )}
          {!hidden && kind !== 'removed' && (
            <dd className={classes.after} data-side={sides.after}>
              <ins>{after}</ins>
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}
