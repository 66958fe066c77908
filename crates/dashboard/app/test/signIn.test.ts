import { beforeEach, expect, test, vi } from 'vitest';
import { newPasswordProblem } from '../src/session/newPassword';
import type * as SignIn from '../src/session/signIn';
import type * as Store from '../src/session/store';

const USER = { id: 1, username: 'admin', email: null, role: 'admin', issuer: null };

/** The answers of the service by path, in their order. */
let answers: { path: string; status: number; json: unknown }[];
let requests: Request[];
let store: typeof Store;
let signIn: typeof SignIn;

beforeEach(async () => {
  answers = [];
  requests = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(request.clone() as Request);
    const answer = answers.shift();
    expect(new URL(request.url).pathname).toBe(answer?.path);
    const type = (answer?.status ?? 500) < 400 ? 'application/json' : 'application/problem+json';
    return new Response(JSON.stringify(answer?.json), {
      status: answer?.status ?? 500,
      headers: { 'content-type': type },
    });
  });
  vi.resetModules();
  store = await import('../src/session/store');
  signIn = await import('../src/session/signIn');
});

function signedIn(token: string, isOneTime: boolean) {
  const answer = { access_token: token, token_type: 'Bearer', expires_in: 900, user: USER };
  return { ...answer, password_change_required: isOneTime };
}

test('a one-time password begins no session before it is changed', async () => {
  answers.push({ path: '/campus/auth/login', status: 200, json: signedIn('restricted', true) });
  const oneTime = await signIn.signIn('admin', 'one-time');
  expect(oneTime).toEqual({ token: 'restricted', password: 'one-time' });
  expect(store.current().state).toBe('out');
  if (!oneTime) throw new Error('no one-time session');

  const refused = {
    code: 'invalid_field',
    detail: '`new_password` is too easy to guess.',
    errors: [{ field: 'new_password', detail: 'is too easy to guess. This is a common password.' }],
  };
  answers.push({ path: '/campus/auth/password', status: 422, json: refused });
  const error = await signIn.changeOneTimePassword(oneTime, 'password1234').catch((error: unknown) => error);
  const { refusalOfNewPassword } = await import('../src/session/newPassword');
  expect(refusalOfNewPassword(error)).toBe('The password is too easy to guess. This is a common password.');
  expect(store.current().state).toBe('out');

  answers.push({ path: '/campus/auth/password', status: 200, json: signedIn('full', false) });
  await signIn.changeOneTimePassword(oneTime, 'tulip-anvil-94-crater');
  expect(store.token()).toBe('full');
  const sent = requests.at(-1);
  expect(sent?.headers.get('authorization')).toBe('Bearer restricted');
  expect(await sent?.json()).toEqual({
    current_password: 'one-time',
    new_password: 'tulip-anvil-94-crater',
    stay_signed_in: true,
  });
});

test('a usual password begins the session at once', async () => {
  answers.push({ path: '/campus/auth/login', status: 200, json: signedIn('full', false) });
  expect(await signIn.signIn('admin', 'tulip-anvil-94-crater')).toBeUndefined();
  expect(store.token()).toBe('full');
});

test('a new password is long enough and typed twice', () => {
  expect(newPasswordProblem('short', 'short')).toContain('12 characters');
  expect(newPasswordProblem('tulip-anvil-94-crater', 'tulip-anvil-94-creator')).toContain('different');
  expect(newPasswordProblem('tulip-anvil-94-crater', 'tulip-anvil-94-crater')).toBeUndefined();
});
