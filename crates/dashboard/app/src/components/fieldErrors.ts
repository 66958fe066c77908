import { ProblemError } from '../api/problem';

/** The refusals that are about one field, and have no list of fields. */
const CODES: Readonly<Record<string, { field: string; text: string }>> = {
  schedule_name_taken: { field: 'name', text: 'Another schedule has this name.' },
  destination_name_taken: { field: 'name', text: 'Another destination has this name.' },
  notification_name_taken: { field: 'name', text: 'Another notification has this name.' },
  token_name_taken: { field: 'name', text: 'Another of your tokens has this name.' },
  username_taken: { field: 'username', text: 'Another account has this user name.' },
};

export interface FieldErrors<F extends string> {
  /** The texts for the fields of the form. */
  fields: Partial<Record<F, string>>;
  /** The error if it is not, or not only, about fields of the form. Otherwise `null`. */
  rest: unknown;
}

/** Divides the error of a form among its fields. `labels` has the fields that the form shows. */
export function fieldErrors<F extends string>(error: unknown, labels: Record<F, string>): FieldErrors<F> {
  const fields: Partial<Record<F, string>> = {};
  if (!(error instanceof ProblemError)) return { fields, rest: error ?? null };
  const isShown = (field: string): field is F => Object.hasOwn(labels, field);
  const { code, errors = [] } = error.problem;
  const known = CODES[code];
  if (known && isShown(known.field))
    return { fields: { [known.field]: known.text } as typeof fields, rest: null };
  for (const { field, detail } of errors) {
    // A field of fields, such as `to.0`, belongs to the input of its first part.
    const [name = ''] = field.split('.');
    if (isShown(name)) fields[name] ??= sentence(labels[name], detail);
  }
  const areAllShown = errors.length > 0 && errors.every(({ field }) => isShown(field.split('.')[0] ?? ''));
  return { fields, rest: areAllShown ? null : error };
}

/** The service writes what is wrong as the rest of a sentence: `must not be empty`. */
function sentence(label: string, detail: string): string {
  return `${label} ${detail.replace(/\.?$/, '.')}`;
}
