// The requests about accounts. They have no job, so their outcome is looked up in the account itself.
import {
  type Account,
  type AccountCredentials,
  type CreateAccount,
  createAccount,
  deleteAccount,
  findAccount,
  readAccount,
  resetAccount,
  type UpdateAccount,
  updateAccount,
} from '../../api/accounts';
import { ProblemError } from '../../api/problem';
import { invalidate } from '../../api/queries';
import { isolated } from '../../locale/language';
import { lookUpDeleted, orNotFound } from '../../requests/itemRequests';
import type { LookupResult } from '../../requests/settle';
import { useRequest } from '../../requests/useRequest';

const quoted = (username: string) => `“${isolated(username)}”`;
const refresh = () => invalidate('accounts');

/** Creates an account. If the answer was lost, the account may exist, but its one-time password is `null`. */
export function useCreateAccount(onSuccess: (created: AccountCredentials) => void) {
  return useRequest({
    name: ({ username }: CreateAccount) => `Create the account ${quoted(username)}`,
    send: (request, _, signal) => createAccount(request, signal),
    lookUp: async ({ username }): Promise<LookupResult<AccountCredentials>> => {
      const account = await findAccount(username);
      return account ? { at: 'done', result: { account, password: null } } : { at: 'none' };
    },
    trace: () => undefined,
    done: ({ account }) =>
      `The account ${quoted(account.username)} exists. Reset it to get a new one-time password.`,
    onSuccess,
    onSettled: refresh,
  });
}

/** Resets an account. If the answer was lost, its one-time password is `null`. */
export function useResetAccount(account: Account, onSuccess: (reset: AccountCredentials) => void) {
  return useRequest({
    name: () => `Reset the password of ${quoted(account.username)}`,
    send: (_: null, __, signal) => resetAccount(account.id, signal),
    lookUp: async (): Promise<LookupResult<AccountCredentials>> => {
      const now = await orNotFound(() => readAccount(account.id));
      if (now instanceof ProblemError) return { at: 'failed', error: now };
      const before = account.one_time_password_expires_at;
      const isReset =
        now.one_time_password_expires_at !== null && now.one_time_password_expires_at !== before;
      return isReset ? { at: 'done', result: { account: now, password: null } } : { at: 'none' };
    },
    trace: () => undefined,
    done: () => `The password of ${quoted(account.username)} was reset. Reset it again to get a new one.`,
    onSuccess,
    onSettled: refresh,
  });
}

export function useUpdateAccount(account: Account, onSuccess: (account: Account) => void) {
  return useRequest({
    name: () => `Change the account ${quoted(account.username)}`,
    send: (patch: UpdateAccount, _, signal) => updateAccount(account.id, patch, signal),
    lookUp: async (patch): Promise<LookupResult<Account>> => {
      const now = await orNotFound(() => readAccount(account.id));
      if (now instanceof ProblemError) return { at: 'failed', error: now };
      const fields = Object.keys(patch) as (keyof UpdateAccount)[];
      return fields.every((field) => now[field] === patch[field])
        ? { at: 'done', result: now }
        : { at: 'none' };
    },
    trace: () => undefined,
    done: () => `The account ${quoted(account.username)} was changed.`,
    onSuccess,
    onSettled: refresh,
  });
}

export function useDeleteAccount(account: Account, onSuccess: () => void) {
  return useRequest({
    name: () => `Delete the account ${quoted(account.username)}`,
    send: async (_: null, __, signal) => {
      await deleteAccount(account.id, signal);
      return true as const;
    },
    lookUp: () => lookUpDeleted(() => readAccount(account.id)),
    trace: () => undefined,
    done: () => `The account ${quoted(account.username)} was deleted.`,
    onSuccess: () => onSuccess(),
    onSettled: refresh,
  });
}
