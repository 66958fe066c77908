/** The variety of the page's language if the browser does not list that language. */
const VARIETIES: Readonly<Record<string, string>> = { en: 'en-GB' };

/**
 * The locale of numbers and dates: the user's variety of the page's language, such as `en-IN`. Other languages of the
 * browser are ignored, because their digits and writing direction do not fit into English sentences.
 */
export function localeOf(page: string, reader: readonly string[]): string {
  const wanted = reader.find((tag) => languageOf(tag) === languageOf(page));
  const locale = wanted ?? VARIETIES[page] ?? page;
  // A language tag can request other digits or another calendar.
  return new Intl.Locale(locale, { numberingSystem: 'latn', calendar: 'gregory' }).toString();
}

function languageOf(tag: string): string | undefined {
  try {
    return new Intl.Locale(tag).language;
  } catch {
    return undefined;
  }
}

/** Isolates the writing direction of a text from the sentence around it, like the element `bdi`. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
