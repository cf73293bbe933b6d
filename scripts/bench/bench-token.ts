import type { Permission } from '../../src/domain/permissions.ts';
import { openSecrets } from '../../src/main/open-secrets.ts';
import { addAdministrator, findAdministrator, recordLogin } from '../../src/repositories/administrators.ts';
import { issueToken } from '../../src/services/access/issue-token.ts';
import { createTokenKeys } from '../../src/services/access/token-keys.ts';
import type { BenchServer } from './bench-server.ts';

/** The header of an administrator named `bench` with these permissions, for an hour. */
export async function benchToken(
  { config, database: { db } }: BenchServer,
  permissions: readonly Permission[],
): Promise<Record<string, string>> {
  await addAdministrator(db, { name: 'bench', passwordHash: '', permissions });
  const administrator = await findAdministrator(db, 'bench');
  const login = administrator && (await recordLogin(db, administrator));
  if (administrator === undefined || login === undefined)
    throw new Error('The administrator of the benchmark is gone.');
  const keys = createTokenKeys({ db, secretBox: await openSecrets(config, db) });
  const claims = { ...administrator, issuedAt: login.at, lifetimeSeconds: 3_600 };
  return { Authorization: `Bearer ${await issueToken(keys, login.kid, claims)}` };
}
