/** A file that is dropped beside its zone must not be opened: the browser would leave the page for it. */
export function ignoreStrayFiles(): void {
  const refuse = (event: DragEvent) => {
    // A zone has taken it, or it is a text that belongs to a field.
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
}
