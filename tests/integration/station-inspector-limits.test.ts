import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKysely, createPool } from '../../src/db/pool.ts';
import { listStationRequests } from '../../src/repositories/station-requests.ts';
import { createStationInspector, type StationInspector } from '../../src/services/slot/station-inspector.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { createTestQueue, type TestQueue } from '../support/queue.ts';
import { endedRequest, guess } from '../support/station-requests.ts';

let queue: TestQueue;
let inspector: StationInspector;

beforeAll(async () => {
  queue = await createTestQueue();
});
beforeEach(async () => {
  await queue.db.pool.query('delete from station_request');
  inspector = createStationInspector(queue);
});
afterAll(() => queue.drop());

/** Notes a request as if it had come so long ago. */
function note(request: Parameters<StationInspector['note']>[0], agoMs: number, to = inspector): void {
  to.note(request, performance.now() - agoMs);
}

const kept = (slotId = 'slot-001') => listStationRequests(queue.db, slotId, 1_000);

describe('of each slot', () => {
  it('the 50 newest requests are kept, by the time when they came', async () => {
    for (let n = 0; n < 30; n += 1) note(endedRequest({ durationMs: n }), 60_000 - n);
    await inspector.flush();
    for (let n = 30; n < 60; n += 1) note(endedRequest({ durationMs: n }), 60_000 - n);
    note(endedRequest({ slotId: 'slot-002' }), 90_000);
    await inspector.flush();
    expect((await kept()).map((request) => request.durationMs)).toEqual(Array.from({ length: 50 }, (_, n) => 59 - n));
    expect(await kept('slot-002')).toHaveLength(1);
  });
});

describe('wrong passwords', () => {
  it('of one client are one entry that counts them, with the newest facts', async () => {
    for (let n = 0; n < 300; n += 1) note(guess({ durationMs: n }), 10_000 - n);
    await inspector.flush();
    for (let n = 300; n < 500; n += 1) note(guess({ durationMs: n }), 10_000 - n);
    await inspector.flush();
    expect(await kept()).toMatchObject([{ code: 'invalid_credentials', count: 500, durationMs: 499 }]);
  });

  it('of any number of clients take ten places, and push out no honest entry beyond them', async () => {
    for (let n = 0; n < 60; n += 1) note(endedRequest(), 60_000 - n);
    for (let n = 0; n < 1_000; n += 1) note(guess({ client: `10.0.${n >> 8}.${n & 255}` }), 50_000 - n);
    await inspector.flush();
    const requests = await kept();
    expect(requests.filter(({ password }) => password === 'right')).toHaveLength(40);
    expect(requests.filter(({ password }) => password !== 'right').map(({ client }) => client)).toEqual(
      Array.from({ length: 10 }, (_, n) => `10.0.3.${231 - n}`),
    );
  });

  it('leave an honest station of another client visible', async () => {
    note(guess({ client: '192.0.2.7' }), 100);
    for (let n = 0; n < 1_000; n += 1) note(guess({ client: '203.0.113.9' }), 50 - n / 100);
    await inspector.flush();
    expect((await kept()).map(({ client, count }) => [client, count])).toEqual([
      ['203.0.113.9', 1_000],
      ['192.0.2.7', 1],
    ]);
  });
});

describe('several servers at once', () => {
  it('write the same entries without waiting for each other for ever, and lose none', async () => {
    const inspectors = Array.from({ length: 4 }, () => createStationInspector(queue));
    for (let turn = 0; turn < 20; turn += 1) {
      for (const each of inspectors) {
        for (let n = 0; n < 8; n += 1) note(guess({ client: `192.0.2.${(n * 7 + turn) % 8}` }), turn, each);
        note(endedRequest(), turn, each);
      }
      await Promise.all(inspectors.map((each) => each.flush()));
    }
    const requests = await kept();
    const guesses = requests.filter(({ password }) => password === 'wrong');
    expect(guesses.map(({ count }) => count)).toEqual(Array.from({ length: 8 }, () => 80));
    expect(requests).toHaveLength(50);
  });
});

describe('a database that is away', () => {
  it('costs no note: they are written once it answers again, at most the 200 newest', async () => {
    const proxy = await startDatabaseProxy(queue.database);
    const pool = createPool({
      connectionString: proxy.through(queue.database.url),
      poolSize: 1,
      applicationName: 'test',
      statementTimeoutMs: 2_000,
      onError: () => {},
    });
    const cutOff = createStationInspector({ db: { pool, kysely: createKysely(pool) } });
    proxy.refuse();
    for (let n = 0; n < 20; n += 1) note(endedRequest({ durationMs: n }), 60_000 - n, cutOff);
    note(guess(), 10, cutOff);
    await expect(cutOff.flush()).rejects.toThrow();
    note(guess(), 5, cutOff);
    for (let n = 20; n < 210; n += 1)
      note(endedRequest({ slotId: `slot-00${1 + (n % 8)}`, durationMs: n }), 60_000 - n, cutOff);
    proxy.accept();
    await cutOff.flush();
    const { rows } = await queue.db.pool.query(
      `select min(duration_ms) filter (where password = 'right') as oldest, count(*) filter (where password = 'right') as honest,
        max(count) as guesses from station_request`,
    );
    expect(rows).toEqual([{ oldest: 10, honest: 200, guesses: 2 }]);
    await pool.end();
    await proxy.stop();
  });
});
