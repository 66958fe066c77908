// Whoever works here is not asked for the password every few minutes, and whoever has left the page is.
import { refreshToken } from './signIn';
import { current, subscribe } from './store';

/** After which part of its life a token is renewed. */
const DUE = 0.6;

/** Renews the token of somebody who has used the page since it was given. */
export function refreshOnActivity(): void {
  let isUsed = false;
  let isDue = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const renew = () => {
    if (!isUsed || !isDue) return;
    isDue = false;
    // Until the token ends, the next touch tries again.
    refreshToken().catch(() => {
      isDue = current().state === 'in';
    });
  };
  const use = () => {
    isUsed = true;
    renew();
  };
  subscribe(() => {
    clearTimeout(timer);
    isUsed = false;
    isDue = false;
    const session = current();
    if (session.state !== 'in') return;
    const due = () => {
      isDue = true;
      renew();
    };
    timer = setTimeout(due, (session.endsAt - Date.now()) * DUE);
  });
  for (const event of ['pointerdown', 'keydown'])
    addEventListener(event, use, { capture: true, passive: true });
}
