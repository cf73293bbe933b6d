import { randomBytes } from 'node:crypto';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgresError } from './embedded-error.ts';

/** How to reach the embedded server: role, its password, and the database every cluster has. */
export function connectionUrl(access: { user: string; password: string; port: number }): string {
  return `postgres://${encodeURIComponent(access.user)}:${access.password}@127.0.0.1:${access.port}/postgres`;
}

const passwordPath = (stateDirectory: string): string => join(stateDirectory, 'password');

/**
 * The superuser's password, kept in `<state>/password` (mode 0600). `mayCreate`: a random one of 192 bits is made when there is
 * none, which only helps a cluster that does not exist yet.
 *
 * @throws {EmbeddedPostgresError} `wrong_password` when the file is missing or empty beside an existing cluster.
 */
export function superuserPassword(stateDirectory: string, { mayCreate }: { mayCreate: boolean }): string {
  const path = passwordPath(stateDirectory);
  try {
    const password = readFileSync(path, 'utf8').trim();
    if (password !== '') return password;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (!mayCreate) {
    throw new EmbeddedPostgresError(
      `${path} is missing, without which the existing database cannot be opened: restore it`,
      { reason: 'wrong_password' },
    );
  }
  const password = randomBytes(24).toString('base64url');
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  return password;
}

/**
 * Proves that what answers at `url` is the server of `dataDirectory` and takes our password: on every system, and against
 * any other program that happens to listen on that port. A directory that is not given is not compared.
 *
 * @throws {EmbeddedPostgresError} `wrong_password` or `port_in_use`; pg's own error when nothing answers within 3 s.
 */
export async function verifyServer(url: string, dataDirectory: string | undefined): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
    application_name: 'photochanger-start',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>(`select current_setting('data_directory') as directory`);
    const directory = rows[0]?.directory ?? '';
    if (dataDirectory !== undefined && realpathSync(directory) !== realpathSync(dataDirectory)) {
      throw new EmbeddedPostgresError(
        `Another PostgreSQL server (${directory}) answers on the port of ${dataDirectory}`,
        { reason: 'port_in_use' },
      );
    }
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== '28P01') throw cause;
    const message =
      'The running database does not take the password kept in the home: another server, or the file was changed';
    throw new EmbeddedPostgresError(message, { reason: 'wrong_password', cause });
  } finally {
    await client.end().catch(() => {});
  }
}
