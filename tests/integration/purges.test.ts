import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import type { CleanUpReport, PurgeScope } from '../../src/domain/purge.ts';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import type { MediaStore } from '../../src/media/store.ts';
import { findMediaPurge, insertMediaPurge, startNextPurge } from '../../src/repositories/media-purges.ts';
import { createPurgeRunner, type PurgeLimits } from '../../src/worker/purge.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ask } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { filesBelow, type LitterPlace, leaveBehind, makeLitter } from '../support/litter.ts';
import { bodyOf } from '../support/media.ts';
import { makeResult, setRetentionLeft } from '../support/results.ts';
import { startTestServer } from '../support/server.ts';
import { eventually } from '../support/slots.ts';

const NOTHING: CleanUpReport = {
  expiredResults: 0,
  expiredOriginals: 0,
  mediaObjects: 0,
  deletedTemplates: 0,
  orphanFiles: 0,
  oldJobs: 0,
  oldAuditEvents: 0,
  oldDeliveries: 0,
};

let database: TestDatabase;
let db: Db;
let mediaRoot: string;
let store: MediaStore;
let photo: Buffer;
let place: LitterPlace;

beforeAll(async () => {
  photo = await makePhoto();
  database = await createTestDatabase();
  db = { pool: database.pool, kysely: createKysely(database.pool) };
});
beforeEach(async () => {
  mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-purge-'));
  store = createDiskStore({ root: mediaRoot, freeBytesMin: 0 });
  await store.open();
  place = { database, db, mediaRoot };
});
afterEach(async () => {
  await rm(mediaRoot, { recursive: true, force: true });
  await database.pool.query('delete from media_purge; delete from media_object; delete from template_media');
  await database.pool.query('delete from audit_event; delete from processing_log; delete from job');
});
afterAll(() => database.drop());

async function queuePurge(scope: PurgeScope, isDryRun = false): Promise<string> {
  return (await insertMediaPurge(db, { scope, isDryRun, requestedBy: 'serg' })).id;
}

function runner(limits: Partial<PurgeLimits> = {}) {
  const signal = new AbortController().signal;
  return createPurgeRunner(
    { db, store, log: createLog('silent') },
    { windowMsMax: 60_000, jobRowDays: 400, signal, ...limits },
  );
}

/** Runs what is queued. @returns what the purge came to. */
async function run(id: string): Promise<CleanUpReport | null | undefined> {
  await runner().turn();
  return (await findMediaPurge(db, id))?.outcome;
}

const FULL: CleanUpReport = {
  ...NOTHING,
  expiredResults: 2,
  mediaObjects: 1,
  orphanFiles: 2,
  oldJobs: 1,
  oldAuditEvents: 1,
};

describe('a full purge', () => {
  it('removes all that is over and nothing else: live results, live links and templates stay', async () => {
    const { liveFiles } = await makeLitter(place, photo);
    expect(await run(await queuePurge('full'))).toEqual(FULL);
    expect(await filesBelow(mediaRoot)).toEqual(liveFiles);
    expect(await run(await queuePurge('full'))).toEqual(NOTHING);
    expect(await filesBelow(mediaRoot)).toEqual(liveFiles);
  });

  it('that is a dry run reports the same numbers and deletes nothing', async () => {
    await makeLitter(place, photo);
    const before = await filesBelow(mediaRoot);
    expect(await run(await queuePurge('full', true))).toEqual(FULL);
    expect(await filesBelow(mediaRoot)).toEqual(before);
    expect(await run(await queuePurge('full'))).toEqual(FULL);
  });

  it('leaves what expired after it was asked for', async () => {
    const server = await startTestServer({ database, mediaRoot });
    const { jobId } = await makeResult(server, photo);
    await server.stop();
    const id = await queuePurge('full');
    await setRetentionLeft(db, jobId, 0);
    expect(await run(id)).toEqual(NOTHING);
    expect(await run(await queuePurge('full'))).toEqual({ ...NOTHING, expiredResults: 1 });
  });
});

describe('a purge of media objects', () => {
  it('removes links that are over and uploads nobody owns; results, over or not, and rows stay', async () => {
    await makeLitter(place, photo);
    const before = await filesBelow(mediaRoot);
    const expected = { ...NOTHING, mediaObjects: 1, orphanFiles: 1 };
    expect(await run(await queuePurge('media_objects', true))).toEqual(expected);
    expect(await filesBelow(mediaRoot)).toEqual(before);
    expect(await run(await queuePurge('media_objects'))).toEqual(expected);
    const kept = (paths: readonly string[]) => paths.filter((path) => /^(?:results|templates)\//.test(path));
    expect(kept(await filesBelow(mediaRoot))).toEqual(kept(before));
    expect(kept(before)).toContainEqual(expect.stringMatching(/^templates\//));
  });
});

describe('purges', () => {
  it('are run one after the other, in the order they were asked for', async () => {
    const ids = [
      await queuePurge('full', true),
      await queuePurge('media_objects', true),
      await queuePurge('full', true),
    ];
    await runner().turn();
    const ended = await Promise.all(ids.map((id) => findMediaPurge(db, id)));
    expect(ended.map((purge) => purge?.state)).toEqual(['done', 'done', 'done']);
    for (const [index, purge] of ended.entries()) {
      const earlier = ended[index - 1];
      if (earlier)
        expect(purge?.startedAt?.getTime()).toBeGreaterThanOrEqual(earlier.finishedAt?.getTime() ?? Infinity);
    }
  });

  it('wait while another process cleans up, and are run once it has ended', async () => {
    const id = await queuePurge('full', true);
    const other = await database.pool.connect();
    await other.query(`select pg_advisory_lock(hashtext('photochanger:clean-up'))`);
    const waiting = runner();
    try {
      await waiting.turn();
      expect((await findMediaPurge(db, id))?.state).toBe('queued');
    } finally {
      await other.query('select pg_advisory_unlock_all()');
      other.release();
    }
    await waiting.turn();
    expect((await findMediaPurge(db, id))?.state).toBe('done');
  });

  it('that are looked for by many at once are each run once', async () => {
    await leaveBehind(mediaRoot, `payloads/${randomUUID()}.photo`);
    const ids = [await queuePurge('full'), await queuePurge('full')];
    await Promise.all(Array.from({ length: 4 }, () => runner().turn()));
    const counts = await Promise.all(ids.map(async (id) => (await findMediaPurge(db, id))?.outcome?.orphanFiles));
    expect(counts).toEqual([1, 0]);
  });

  it('that a process left unfinished are run again, to the end', async () => {
    await leaveBehind(mediaRoot, `payloads/${randomUUID()}.photo`);
    const id = await queuePurge('full');
    // as after a kill: begun, and nobody holds the lock
    expect((await startNextPurge(db))?.id).toBe(id);
    expect(await run(id)).toEqual({ ...NOTHING, orphanFiles: 1 });
    expect(await findMediaPurge(db, id)).toMatchObject({ state: 'done', error: null });
  });

  it('that a shutdown interrupts stay open for whoever comes next', async () => {
    const ending = new AbortController();
    const id = await queuePurge('full');
    ending.abort();
    await runner({ signal: ending.signal }).turn();
    expect(await findMediaPurge(db, id)).toMatchObject({ state: 'queued', outcome: null });
  });

  it('ask the database nothing until something is queued', async () => {
    const idle = runner();
    await idle.turn();
    const id = await queuePurge('full', true);
    await idle.turn();
    expect((await findMediaPurge(db, id))?.state).toBe('queued');
    idle.poke();
    await idle.turn();
    expect((await findMediaPurge(db, id))?.state).toBe('done');
  });

  it('that fail say so, and the next one is run', async () => {
    await rm(join(mediaRoot, 'payloads'), { recursive: true });
    await writeFile(join(mediaRoot, 'payloads'), 'not a folder');
    const broken = await queuePurge('full');
    await runner().turn();
    expect(await findMediaPurge(db, broken)).toMatchObject({
      state: 'failed',
      outcome: null,
      error: expect.any(String),
    });
    await rm(join(mediaRoot, 'payloads'));
    await store.open();
    expect(await run(await queuePurge('full'))).toEqual(NOTHING);
  });
});

describe('a purge that is asked for over HTTP', () => {
  it('begins within seconds, is told by its address, and is in the audit log', async () => {
    const server = await startTestServer({ database, mediaRoot });
    try {
      const headers = bearer(await administratorToken(server));
      const { jobId } = await makeResult(server, photo);
      await setRetentionLeft(db, jobId, -1);
      const asked = await ask(`${server.url}/api/media/cache/purge`, { method: 'POST', headers });
      const address = `${server.url}${asked.headers.get('location')}`;
      const startedAt = performance.now();
      const purge = await eventually(async () => {
        const found = bodyOf<{ state: string; outcome: unknown; requested_by: string }>(
          await ask(address, { headers }),
        );
        expect(found.state).toBe('done');
        return found;
      });
      expect(performance.now() - startedAt).toBeLessThan(2_500);
      expect(purge.outcome).toMatchObject({ expired_results: 1, orphan_files: 0 });
      expect((await ask(`${server.url}/public/results/${jobId}`)).status).toBe(410);
      const log = bodyOf<{ data: unknown[] }>(
        await ask(`${server.url}/api/audit?object_type=media_purge`, { headers }),
      );
      expect(log.data).toEqual([
        expect.objectContaining({
          actor: purge.requested_by,
          address: '127.0.0.1',
          action: 'media_purge.requested',
          details: { scope: 'full', dry_run: false },
        }),
      ]);
    } finally {
      await server.stop();
    }
  });
});
