// An active user is not asked for the password every few minutes. A user who has left the page is.
import { refreshToken } from './signIn';
import { current, subscribe } from './store';

/** The part of a token's lifetime after which it is refreshed. */
const DUE = 0.6;

/** Refreshes the token if the user has used the page since the last refresh. */
export function refreshOnActivity(): void {
  let isUsed = false;
  let isDue = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const renew = () => {
    if (!isUsed || !isDue) return;
    isDue = false;
    // Until the token expires, the next click or key tries again.
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
