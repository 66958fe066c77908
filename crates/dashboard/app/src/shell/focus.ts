// Browsers give the keyboard's focus to `body` when what has it is removed or disabled, and the next Tab starts at the top.

import { current, untilSignedIn } from '../session/store';

/** Time for a menu or a dialog to give the focus back by itself. */
const RETURN_DELAY = 50;

/**
 * Gives the focus to an element. While somebody types their password it stays there: the rest would be typed into the open,
 * or onto a button. The element gets it afterwards.
 */
export function moveFocus(element: HTMLElement | null | undefined, options?: FocusOptions): void {
  if (current().state === 'ended') {
    untilSignedIn(new AbortController().signal).then(() => element?.focus(options));
  } else {
    element?.focus(options);
  }
}

/** Gives the focus to the nearest surviving element around what has lost it. */
export function keepFocus(): void {
  // What has the focus, and all around it, from the inside out.
  let path: Element[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isLost = () => {
    const [last] = path;
    return last !== undefined && document.activeElement === document.body && !canHaveFocus(last);
  };
  const restoreFocus = () => {
    if (!isLost()) return;
    const around = path.find((each) => canHaveFocus(each) && each.hasAttribute('tabindex'));
    // Where all of a page is gone, as after signing in, the next one begins at its top.
    if (around instanceof HTMLElement) moveFocus(around, { preventScroll: true });
  };
  addEventListener('focusin', (event) => {
    path = event.composedPath().filter((each) => each instanceof Element);
  });
  addEventListener('focusout', (event) => {
    // Somebody clicked beside everything and wants no focus.
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
