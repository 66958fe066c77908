// If the focused element is removed or disabled, browsers move the focus to `body`, and the next Tab starts at the top.

import { current, untilSignedIn } from '../session/store';

/** The milliseconds that a menu or dialog needs to return the focus itself. */
const RETURN_DELAY = 50;

/**
 * Moves the focus to an element. While the user types the password, the focus stays there: the rest of the password
 * would be typed visibly, or press a button. The element gets the focus afterwards.
 */
export function moveFocus(element: HTMLElement | null | undefined, options?: FocusOptions): void {
  if (current().state === 'ended') {
    untilSignedIn(new AbortController().signal).then(() => element?.focus(options));
  } else {
    element?.focus(options);
  }
}

/** If the focused element disappears, moves the focus to the nearest remaining element around it. */
export function keepFocus(): void {
  // The focused element and its ancestors, from the inside out.
  let path: Element[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isLost = () => {
    const [last] = path;
    return last !== undefined && document.activeElement === document.body && !canHaveFocus(last);
  };
  const restoreFocus = () => {
    if (!isLost()) return;
    const around = path.find((each) => canHaveFocus(each) && each.hasAttribute('tabindex'));
    // If all of a page disappears, as after a sign-in, the next page starts at its top.
    if (around instanceof HTMLElement) moveFocus(around, { preventScroll: true });
  };
  addEventListener('focusin', (event) => {
    path = event.composedPath().filter((each) => each instanceof Element);
  });
  addEventListener('focusout', (event) => {
    // The user clicked on an empty place.
    if (event.relatedTarget === null)
      setTimeout(() => {
        if (document.activeElement === document.body && !isLost()) path = [];
      });
  });
  new MutationObserver(() => {
    if (!isLost()) return;
    clearTimeout(timer);
    timer = setTimeout(restoreFocus, RETURN_DELAY);
  }).observe(document.body, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['disabled'],
  });
}

function canHaveFocus(element: Element): boolean {
  return element.isConnected && !element.matches(':disabled');
}
