// The service names the parameters of its API in notes and errors. This page has options instead.

const WORDS: readonly [RegExp, string][] = [
  [/; `dates` says another order/, '; the options have other orders'],
  [/ Say with `sheet` which one to read\./, ''],
  [/, or say with `columns` which heading is which column/, ', or name the headings in the options'],
  [/Say with `columns` which one is right/, 'Say in the options which one is right'],
  [/^`columns` (gives|names)/, 'An option $1'],
  [/use the mode `insert` to add/, 'choose “Only add new rows” in the options to add'],
  [/The mode `insert` adds/, '“Only add new rows” in the options adds'],
  [/`([^`]+)`/g, '“$1”'],
];

/** A sentence of the service, in the words of this page. */
export function inWords(sentence: string): string {
  return WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), sentence);
}
