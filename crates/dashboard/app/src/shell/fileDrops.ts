/** Ignores files that are dropped outside the upload area. The browser would leave the page and open them. */
export function ignoreStrayFiles(): void {
  const refuse = (event: DragEvent) => {
    // The upload area has accepted it, or it is a text for an input field.
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
}
