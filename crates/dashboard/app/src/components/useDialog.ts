import { useEffect, useRef, useState } from 'react';
import { moveFocus } from '../shell/focus';

interface Opening<T> {
  /** Differs for each opening. As the key of the content, it resets the content. */
  key: number;
  subject: T;
  /** The subject stays while the dialog closes, so that the text does not disappear during the animation. */
  opened: boolean;
}

/**
 * The state of a dialog. When it closes, the focus returns to the element that opened it. With an `initial` subject the
 * page opens with the dialog.
 */
export function useDialog<T>(initial?: T) {
  const [opening, setOpening] = useState<Opening<T> | undefined>(
    initial === undefined ? undefined : { key: 1, subject: initial, opened: true },
  );
  const opener = useRef<Element | null>(null);
  const opened = opening?.opened ?? false;
  useEffect(() => {
    if (opened || !(opener.current instanceof HTMLElement)) return;
    moveFocus(opener.current, { preventScroll: true });
    opener.current = null;
  }, [opened]);
  return {
    opened,
    opening,
    /** Opens the dialog. `from` gets the focus afterwards: an item of a menu no longer exists then. */
    open(subject: T, from: Element | null = document.activeElement) {
      opener.current = from;
      setOpening((before) => ({ key: (before?.key ?? 0) + 1, subject, opened: true }));
    },
    /** Closes this opening. A late answer does not close a later opening. */
    close(key: number) {
      setOpening((now) => (now?.key === key ? { ...now, opened: false } : now));
    },
  };
}
