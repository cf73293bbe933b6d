import { randomUUID } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { thumbnailPathOf } from '../../src/media/media-paths.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import type { CleanUpOptions } from '../../src/worker/clean-up-options.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { closeWindow, enqueueForNobody, newJob } from '../support/queue.ts';
import { makeResult, resultPathOf, setRetentionLeft } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { countRows, eventually, expectNothingLeft } from '../support/slots.ts';

const OPTIONS: CleanUpOptions = { windowMsMax: 60_000, jobRowDays: 400, withOrphans: true, isDryRun: false };
/** The longest window and a margin of a minute. */
const ORPHAN_AGE_SECONDS = 120;
const NOTHING = {
  expiredResults: 0,
  expiredOriginals: 0,
  mediaObjects: 0,
  deletedTemplates: 0,
  orphanFiles: 0,
  oldJobs: 0,
  oldAuditEvents: 0,
  oldDeliveries: 0,
};

let server: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

function clean(options: Partial<CleanUpOptions> = {}) {
  const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
  return cleanUp({ db: server.db, store, log: createLog('silent') }, { ...OPTIONS, ...options });
}

/** Puts a file into the store that has not been touched for so long. @returns its path. */
async function placeFile(path: string, ageSeconds: number): Promise<string> {
  const absolute = join(server.mediaRoot, path);
  await mkdir(dirname(absolute), { recursive: true });
  await writeFile(absolute, 'left behind');
  const at = Date.now() / 1_000 - ageSeconds;
  await utimes(absolute, at, at);
  return path;
}

/** Makes a result that is over. @returns its job and files. */
async function expiredResult(): Promise<{ jobId: string; files: string[] }> {
  const { jobId } = await makeResult(server, photo);
  await setRetentionLeft(server.db, jobId, -1);
  const path = (await resultPathOf(server.db, jobId)) ?? '';
  return { jobId, files: [path, thumbnailPathOf(path)] };
}

describe('a result whose retention is over', () => {
  it('goes with its thumbnail and its path; the link stays 410; results that are not over stay', async () => {
    const live = await makeResult(server, photo);
    const { jobId, files } = await expiredResult();
    expect(await clean()).toEqual({ ...NOTHING, expiredResults: 1 });
    expect(await server.files()).toHaveLength(2);
    expect(await server.files()).not.toEqual(expect.arrayContaining(files));
    expect(await resultPathOf(server.db, jobId)).toBeNull();
    expect(refusal(await ask(`${server.url}/public/results/${jobId}`))).toBe('410 result_expired');
    expect((await ask(`${server.url}/public/results/${live.jobId}`)).body).toEqual(live.picture);
    expect(await clean()).toEqual(NOTHING);
  });

  it('goes from the books also when its file is gone already', async () => {
    const { jobId } = await expiredResult();
    const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
    await store.removeResult((await resultPathOf(server.db, jobId)) ?? '');
    expect(await clean()).toEqual({ ...NOTHING, expiredResults: 1 });
    expect(await resultPathOf(server.db, jobId)).toBeNull();
  });
});

describe('a file that no row names', () => {
  const kinds = {
    'a photo whose process died': (id: string) => `payloads/${id}.photo`,
    'a result that came too late': (id: string) => `results/2026-01-31/${id}.1.jpg`,
    'its thumbnail': (id: string) => `results/2026-01-31/${id}.1.thumb.jpg`,
  };

  it.each(Object.entries(kinds))('goes once it is older than the longest window and a minute: %s', async (_, name) => {
    const old = await placeFile(name(randomUUID()), ORPHAN_AGE_SECONDS + 2);
    const young = await placeFile(name(randomUUID()), ORPHAN_AGE_SECONDS - 2);
    expect(await clean()).toEqual({ ...NOTHING, orphanFiles: 1 });
    const files = await server.files();
    expect(files).toContain(young);
    expect(files).not.toContain(old);
    await placeFile(young, ORPHAN_AGE_SECONDS + 2);
    expect(await clean()).toEqual({ ...NOTHING, orphanFiles: 1 });
  });

  it('stays when it is not asked for', async () => {
    const old = await placeFile(kinds['a photo whose process died'](randomUUID()), 9_999);
    expect(await clean({ withOrphans: false })).toEqual(NOTHING);
    expect(await server.files()).toContain(old);
    await clean();
  });

  it('goes also where its job is final and names another: the photo, and the file of a claim that lost', async () => {
    const { jobId } = await makeResult(server, photo);
    const path = (await resultPathOf(server.db, jobId)) ?? '';
    const lost = await placeFile(path.replace('.1.jpg', '.2.jpg'), 9_999);
    const payload = await placeFile(`payloads/${jobId}.photo`, 9_999);
    expect(await clean()).toEqual({ ...NOTHING, orphanFiles: 2 });
    expect(await server.files()).not.toEqual(expect.arrayContaining([lost, payload]));
    expect(await server.files()).toEqual(expect.arrayContaining([path, thumbnailPathOf(path)]));
  });
});

describe('the photo of a living job', () => {
  it('stays, however old its file claims to be', async () => {
    const job = newJob({ providerId: 'nobody' });
    const payloadPath = await placeFile(`payloads/${job.id}.photo`, 9_999);
    await enqueueForNobody(server.db, { ...job, payloadPath });
    expect(await clean()).toEqual(NOTHING);
    expect(await server.files()).toContain(payloadPath);
    await closeWindow(server.db, job.id);
  });

  it('goes with the sweep that ends a job nobody looks after', async () => {
    const job = newJob({ providerId: 'nobody' });
    const payloadPath = await placeFile(`payloads/${job.id}.photo`, 0);
    await enqueueForNobody(server.db, { ...job, payloadPath });
    await closeWindow(server.db, job.id);
    await server.waitForLine({ msg: 'swept', job_id: job.id, outcome: 'timeout' });
    await eventually(async () => expect(await server.files()).not.toContain(payloadPath));
  });
});

describe('a row', () => {
  it('goes with its events 400 days after its job ended, unless its result is still kept', async () => {
    const { jobId: gone } = await expiredResult();
    const { jobId: kept } = await makeResult(server, photo);
    await clean();
    await server.db.kysely.transaction().execute(async (step) => {
      await sql`set local session_replication_role = replica`.execute(step);
      await sql`update job set finalized_at = finalized_at - interval '401 days' where id in (${gone}, ${kept})`.execute(
        step,
      );
    });
    // not before the statistics hold it
    expect(await clean()).toEqual(NOTHING);
    await rollTallies(server.db, 24);
    const before = await countRows(server);
    expect(await clean({ isDryRun: true })).toEqual({ ...NOTHING, oldJobs: 1 });
    expect(await clean()).toEqual({ ...NOTHING, oldJobs: 1 });
    expect(await countRows(server)).toBe(before - 1);
    const { rows } = await server.db.pool.query('select distinct job_id from processing_log where job_id = any ($1)', [
      [gone, kept],
    ]);
    expect(rows).toEqual([{ job_id: kept }]);
  });
});

describe('a clean-up', () => {
  it('that is a dry run reports the same and deletes nothing', async () => {
    const { jobId } = await expiredResult();
    await placeFile(`payloads/${randomUUID()}.photo`, 9_999);
    const before = await server.files();
    const report = await clean({ isDryRun: true });
    expect(report).toEqual({ ...NOTHING, expiredResults: 1, orphanFiles: 1 });
    expect(await server.files()).toEqual(before);
    expect(await resultPathOf(server.db, jobId)).not.toBeNull();
    expect(await clean()).toEqual(report);
  });

  it('is done by one process at a time', async () => {
    const { jobId } = await expiredResult();
    const other = await server.db.pool.connect();
    await other.query(`select pg_advisory_lock(hashtext('photochanger:clean-up'))`);
    try {
      expect(await clean()).toBeUndefined();
      expect(await resultPathOf(server.db, jobId)).not.toBeNull();
    } finally {
      await other.query(`select pg_advisory_unlock_all()`);
      other.release();
    }
    expect(await clean()).toEqual({ ...NOTHING, expiredResults: 1 });
  });

  it('may be asked for by many at once: the work is done once', async () => {
    await expiredResult();
    const reports = await Promise.all(Array.from({ length: 5 }, () => clean()));
    expect(reports.reduce((sum, report) => sum + (report?.expiredResults ?? 0), 0)).toBe(1);
  });
});
