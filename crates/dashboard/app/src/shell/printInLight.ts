const SCHEME = 'data-mantine-color-scheme';

/** Prints with the light colors: on white paper, the texts of the dark ones can't be read. */
export function printInLight(): void {
  const root = document.documentElement;
  let before: string | null = null;
  addEventListener('beforeprint', () => {
    before = root.getAttribute(SCHEME);
    root.setAttribute(SCHEME, 'light');
  });
  addEventListener('afterprint', () => {
    if (before !== null) root.setAttribute(SCHEME, before);
  });
}
