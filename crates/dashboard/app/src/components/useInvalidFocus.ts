import { useEffect, useRef } from 'react';
import { moveFocus } from '../shell/focus';

/** The reference of a form. If it gets an error, the focus moves to its first invalid field. */
export function useInvalidFocus(error: unknown) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!error) return;
    moveFocus(form.current?.querySelector<HTMLElement>('[aria-invalid="true"]'));
  }, [error]);
  return form;
}
