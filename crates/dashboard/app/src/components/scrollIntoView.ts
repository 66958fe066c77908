/** As the reference of an element: in a dialog that is higher than the screen, the element becomes visible. */
export function scrollIntoView(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: 'nearest' });
}
