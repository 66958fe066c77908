/** How the page's language is written where nothing is known of the reader's variety of it. */
const VARIETIES: Readonly<Record<string, string>> = { en: 'en-GB' };

/**
 * The locale of numbers and dates on a page of that language: the reader's variety of it, such as `en-IN`. A browser in
 * another language does not count, for its digits and its direction would stand in the middle of the page's sentences.
 */
export function localeOf(page: string, reader: readonly string[]): string {
  const wanted = reader.find((tag) => languageOf(tag) === languageOf(page));
  const locale = wanted ?? VARIETIES[page] ?? page;
  // A tag can ask for the digits or the calendar of another language.
  return new Intl.Locale(locale, { numberingSystem: 'latn', calendar: 'gregory' }).toString();
}

function languageOf(tag: string): string | undefined {
  try {
    return new Intl.Locale(tag).language;
  } catch {
    return undefined;
  }
}

/** The same text, whose direction does not touch that of the sentence around it. In elements, `bdi` does this. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
