import { useEffect, useRef, useState } from 'react';
import { moveFocus } from '../shell/focus';

interface Opening<T> {
  /** Each opening has another one. With it as the key of the content, nothing is left of the time before. */
  key: number;
  subject: T;
  /** What it was about stays while it closes, so that its words don't vanish before it does. */
  opened: boolean;
}

/** A dialog about something, which gives the keyboard's focus back to what opened it. */
export function useDialog<T>() {
  const [opening, setOpening] = useState<Opening<T>>();
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
    /** Opens it. Afterwards the focus goes to `from`, for what is pressed in a menu is gone by then. */
    open(subject: T, from: Element | null = document.activeElement) {
      opener.current = from;
      setOpening((before) => ({ key: (before?.key ?? 0) + 1, subject, opened: true }));
    },
    /** Closes that opening. An answer that comes late closes no later one. */
    close(key: number) {
      setOpening((now) => (now?.key === key ? { ...now, opened: false } : now));
    },
  };
}
