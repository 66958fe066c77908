/** The text in small letters and without accents, so that `eleve` finds `Élève`. */
export function searchable(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The words of a search. */
export function searchWords(text: string): string[] {
  return searchable(text).split(/\s+/).filter(Boolean);
}
