/** Languages that are written from right to left, for browsers that can't say so themselves. */
const RIGHT_TO_LEFT = new Set([
  'ar',
  'arc',
  'ckb',
  'dv',
  'fa',
  'he',
  'iw',
  'ks',
  'ps',
  'sd',
  'ug',
  'ur',
  'yi',
]);

/** In which direction the layout runs for a language tag such as `ar-EG`. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  try {
    const locale: Intl.Locale & {
      getTextInfo?: () => { direction: string };
      textInfo?: { direction: string };
    } = new Intl.Locale(language);
    const known = locale.getTextInfo?.() ?? locale.textInfo;
    if (known) return known.direction === 'rtl' ? 'rtl' : 'ltr';
    return RIGHT_TO_LEFT.has(locale.language) ? 'rtl' : 'ltr';
  } catch {
    return 'ltr';
  }
}
