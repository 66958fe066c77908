import { body, client } from './client';
import { findItem, type PageQuery } from './pages';
import type { components } from './schema';

/** A named token of the signed-in user. */
export type Token = components['schemas']['NamedToken'];
export type CreateToken = components['schemas']['CreateTokenRequest'];
export type TokenScope = components['schemas']['TokenScope'];

export async function listTokens(query: PageQuery, signal: AbortSignal | null) {
  return body(await client.GET('/auth/tokens', { params: { query }, signal }));
}

export function findToken(isWanted: (token: Token) => boolean): Promise<Token | undefined> {
  return findItem(listTokens, isWanted);
}

export async function createToken(request: CreateToken, signal: AbortSignal): Promise<Token> {
  return body(await client.POST('/auth/tokens', { body: request, signal }));
}

export async function revokeToken(id: number, signal: AbortSignal): Promise<void> {
  await client.DELETE('/auth/tokens/{id}', { params: { path: { id } }, signal });
}
