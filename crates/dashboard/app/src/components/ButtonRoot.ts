import { type ComponentProps, createElement, type MouseEvent } from 'react';

type Props = ComponentProps<'button'> & { 'data-loading'?: boolean };

/**
 * The element of every button. While one works it must not be pressed again, yet it is not `disabled`: the browser would
 * take the keyboard's focus away from it, and the next Tab would start at the top of the page.
 */
export function ButtonRoot({ disabled, onClick, type = 'button', ...rest }: Props) {
  const isBusy = Boolean(rest['data-loading']);
  // biome-ignore lint/a11y/useButtonType: it is the parameter's, `button` unless it is said.
  return createElement('button', {
    ...rest,
    type,
    disabled: disabled && !isBusy,
    'aria-disabled': isBusy || undefined,
    onClick: isBusy ? (event: MouseEvent) => event.preventDefault() : onClick,
  });
}
