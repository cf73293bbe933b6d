/** Several servers that meet at an empty database. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeHome, removeHome } from '../support/home.ts';
import { reapPrograms } from '../support/process.ts';
import { MASTER_KEY } from '../support/server.ts';
import { startBlockOf, startServerProcess } from '../support/server-process.ts';

let database: TestDatabase;
const homes: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ isEmpty: true });
});
afterAll(async () => {
  await reapPrograms();
  for (const home of homes) await removeHome(home);
  await database.drop();
});

test('three servers that start at once on an empty database agree on one schema and one ingest password', async () => {
  // servers of one database share its master key
  const SETTINGS_MASTER_KEY = MASTER_KEY;
  const servers = await Promise.all(
    Array.from({ length: 3 }, () => {
      const home = makeHome();
      homes.push(home);
      return startServerProcess({
        HOME: home,
        DATABASE_URL: database.url,
        MEDIA_FREE_BYTES_MIN: '0',
        SETTINGS_MASTER_KEY,
      });
    }),
  );
  const told = servers.flatMap(
    (server) => /ingest password +(\S+)/.exec(startBlockOf(server.output().stdout))?.[1] ?? [],
  );
  expect(told).toHaveLength(1);
  for (const server of servers) {
    const form = new FormData();
    form.set('password', told[0] as string);
    const answer = await fetch(`${server.url}/ingest/slot-001`, { method: 'POST', body: form });
    // not 401: the password is right, only the photo is missing
    expect(answer.status).toBe(400);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  }
  const { rows } = await database.pool.query(
    `select count(*)::int as slots, (select count(*)::int from lane) as lanes from slot`,
  );
  expect(rows).toEqual([{ slots: 15, lanes: expect.any(Number) }]);
  expect(servers.flatMap((server) => server.logged().filter(({ level }) => level !== 'info'))).toEqual([]);
});
