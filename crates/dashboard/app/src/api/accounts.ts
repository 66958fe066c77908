import { body, client } from './client';
import { findItem, type PageQuery } from './pages';
import type { components } from './schema';

export type Account = components['schemas']['Account'];
export type AccountCredentials = components['schemas']['AccountCredentials'];
export type CreateAccount = components['schemas']['CreateAccountRequest'];
export type UpdateAccount = components['schemas']['UpdateAccountRequest'];
export type Role = Account['role'];

/** The accounts of a list. An absent value means all of them. */
export interface AccountFilter {
  role?: Role;
  is_active?: boolean;
}

export async function listAccounts(query: PageQuery & AccountFilter, signal: AbortSignal | null) {
  return body(await client.GET('/accounts', { params: { query }, signal }));
}

export async function readAccount(id: number): Promise<Account> {
  return body(await client.GET('/accounts/{id}', { params: { path: { id } } }));
}

export function findAccount(username: string): Promise<Account | undefined> {
  return findItem(listAccounts, (account) => account.username === username);
}

export async function createAccount(
  request: CreateAccount,
  signal: AbortSignal,
): Promise<AccountCredentials> {
  return body(await client.POST('/accounts', { body: request, signal }));
}

export async function updateAccount(id: number, patch: UpdateAccount, signal: AbortSignal): Promise<Account> {
  return body(await client.PATCH('/accounts/{id}', { params: { path: { id } }, body: patch, signal }));
}

export async function deleteAccount(id: number, signal: AbortSignal): Promise<void> {
  await client.DELETE('/accounts/{id}', { params: { path: { id } }, signal });
}

/** Replaces the password by a one-time password. */
export async function resetAccount(id: number, signal: AbortSignal): Promise<AccountCredentials> {
  return body(await client.POST('/accounts/{id}/reset', { params: { path: { id } }, signal }));
}
