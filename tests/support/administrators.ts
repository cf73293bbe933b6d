import { randomUUID } from 'node:crypto';
import { PERMISSIONS, type Permission } from '../../src/domain/permissions.ts';
import { addAdministrator, findAdministrator, recordLogin } from '../../src/repositories/administrators.ts';
import { issueToken } from '../../src/services/access/issue-token.ts';
import type { TestServer } from './server.ts';

/** Of the password "password", by parameters that cost next to nothing; from the reference implementation's tests. */
export const CHEAP_HASH = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';

type Place = Pick<TestServer, 'db' | 'running'>;

/** Adds an administrator with these permissions. @returns the name, of which there was none before. */
export async function newAdministrator(
  { db }: Pick<TestServer, 'db'>,
  permissions: readonly Permission[] = PERMISSIONS,
  passwordHash = CHEAP_HASH,
): Promise<string> {
  const name = `test-${randomUUID().slice(0, 18)}`;
  await addAdministrator(db, { name, passwordHash, permissions });
  return name;
}

/** A token of an administrator who is there, signed by the server's own key; no sign-in is counted. */
export async function tokenOf({ db, running }: Place, name: string, lifetimeSeconds = 3_600): Promise<string> {
  const administrator = await findAdministrator(db, name);
  const login = administrator && (await recordLogin(db, administrator));
  if (administrator === undefined || login === undefined) throw new Error(`${name} cannot sign in`);
  return issueToken(running.tokenKeys, login.kid, { ...administrator, issuedAt: login.at, lifetimeSeconds });
}

/** A token of a new administrator with these permissions. */
export const administratorToken = async (
  server: TestServer,
  permissions: readonly Permission[] = PERMISSIONS,
): Promise<string> => tokenOf(server, await newAdministrator(server, permissions));

/** The header that carries a token. */
export const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });
