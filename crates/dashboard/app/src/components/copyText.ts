/**
 * Copies a text, and returns whether the browser did so. On a page that was loaded by plain HTTP there is no clipboard
 * for scripts, so the field with the text is selected and copied as a user does it.
 */
export async function copyText(text: string, field: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field?.focus();
    field?.select();
    return document.execCommand('copy');
  }
}
