import { type ComponentProps, createElement, type MouseEvent } from 'react';

type Props = ComponentProps<'button'> & { 'data-loading'?: boolean };

/**
 * The element of every button. A loading button ignores clicks but is not `disabled`: the browser would take the focus
 * away, and the next Tab would start at the top of the page.
 */
export function ButtonRoot({ disabled, onClick, type = 'button', ...rest }: Props) {
  const isBusy = Boolean(rest['data-loading']);
  // biome-ignore lint/a11y/useButtonType: the parameter sets it, with `button` as its default.
  return createElement('button', {
    ...rest,
    type,
    disabled: disabled && !isBusy,
    'aria-disabled': isBusy || undefined,
    onClick: isBusy ? (event: MouseEvent) => event.preventDefault() : onClick,
  });
}
