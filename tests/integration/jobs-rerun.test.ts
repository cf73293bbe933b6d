import { rm, stat, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postPhoto } from '../../scripts/station.ts';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { putSetting } from '../../src/repositories/settings.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import {
  type JobDesk,
  type Json,
  jsonOf,
  keepOriginals,
  openJobDesk,
  postedJobId,
  setOriginalLeft,
} from '../support/jobs.ts';
import { makeResult } from '../support/results.ts';
import { INGEST_PASSWORD } from '../support/server.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';

let server: GeminiServer;
let desk: JobDesk;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 640, heightPx: 400 });
  server = await startGeminiServer({ environment: { QUEUE_MAX_IN_FLIGHT_JOBS: '1' } });
  desk = await openJobDesk(server);
});
beforeEach(async () => {
  await keepOriginals(server.db, 'slot-001', 24);
  await keepOriginals(server.db, GEMINI_SLOT, 24);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const originals = async (): Promise<string[]> => (await server.files()).filter((file) => file.startsWith('originals/'));

/** Reruns a job and waits for the new one's end. */
async function rerun(jobId: string, settings?: 'current' | 'original'): Promise<Json> {
  const answer = await desk.post(`/jobs/${jobId}/rerun`, settings && { settings });
  expect(answer.status, answer.body.toString()).toBe(202);
  return finished(jsonOf(answer).job_id);
}

const finished = (jobId: string): Promise<Json> =>
  eventually(async () => {
    const view = await desk.read(`/jobs/${jobId}`);
    expect(view.job.is_finalized).toBe(true);
    return view;
  });

const clean = (isDryRun = false) =>
  cleanUp(
    { db: server.db, store: createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 }), log: createLog('silent') },
    { windowMsMax: 60_000, jobRowDays: 400, withOrphans: true, isDryRun },
  );

describe('a slot that keeps originals', () => {
  it('keeps the very bytes of every photo, of a failed job too, for its hours from the arrival', async () => {
    server.simulator.plan({ kind: 'safety_block' });
    for (const jobId of [(await makeResult(server, photo)).jobId, await postedJobId(server, photo, GEMINI_SLOT)]) {
      const { job } = await desk.read(`/jobs/${jobId}`);
      expect(Date.parse(job.original_expires_at) - Date.parse(job.created_at)).toBe(24 * 3_600_000);
      const answer = await desk.ask(`/jobs/${jobId}/original`);
      expect(answer.body).toEqual(photo);
      expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${jobId}-original.jpg"`);
      expect(answer.headers.get('photochanger-original-expires-at')).toBe(job.original_expires_at);
    }
  });

  it('keeps them no longer than results, also where that was shortened since', async () => {
    await putSetting(server.db, 'processed_media_ttl_hours', 2, 'test');
    try {
      const { job } = await desk.read(`/jobs/${(await makeResult(server, photo)).jobId}`);
      expect(Date.parse(job.original_expires_at) - Date.parse(job.created_at)).toBe(2 * 3_600_000);
    } finally {
      await server.db.pool.query(`delete from platform_setting where key = 'processed_media_ttl_hours'`);
    }
  });

  it('leaves nothing of a photo that was refused', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const before = await originals();
    expect(refusal(await server.post({ photo, slotId: GEMINI_SLOT }))).toBe('429 queue_busy');
    expect(refusal(await server.post({ photo: Buffer.from('no picture at all') }))).toBe('415 unsupported_media_type');
    expect(await originals()).toEqual(before);
    await desk.post(`/jobs/${jobId}/cancel`);
    expect(refusal(await held)).toBe('503 job_cancelled');
    // a cancelled job has ended like any other: its original stays
    expect((await desk.ask(`/jobs/${jobId}/original`)).body).toEqual(photo);
  });

  it('keeps nothing any more from the photo after its setting was changed', async () => {
    await keepOriginals(server.db, 'slot-001', 0);
    const { jobId } = await makeResult(server, photo);
    expect((await desk.read(`/jobs/${jobId}`)).job.original_expires_at).toBeNull();
    expect(refusal(await desk.ask(`/jobs/${jobId}/original`))).toBe('410 original_expired');
    expect(refusal(await desk.post(`/jobs/${jobId}/rerun`))).toBe('410 original_expired');
  });

  it('lets no one else see them: no public address leads there, and other users of the machine may not read them', async () => {
    const { jobId } = await makeResult(server, photo);
    const path = (await originals()).find((file) => file.includes(jobId)) ?? '';
    expect((await stat(join(server.mediaRoot, path))).mode & 0o077).toBe(0);
    expect((await stat(join(server.mediaRoot, path, '..'))).mode & 0o077).toBe(0);
  });
});

describe('the clean-up', () => {
  it('removes an original with its row once its time is over, and its empty folder; a dry run only counts', async () => {
    const { jobId } = await makeResult(server, photo);
    await server.db.pool.query(`update job_original set expires_at = clock_timestamp() + interval '1 hour'`);
    await setOriginalLeft(server.db, jobId, -1);
    expect(refusal(await desk.ask(`/jobs/${jobId}/original`))).toBe('410 original_expired');
    const before = await originals();
    expect(await clean(true)).toMatchObject({ expiredOriginals: 1, orphanFiles: 0 });
    expect(await originals()).toEqual(before);
    expect(await clean()).toMatchObject({ expiredOriginals: 1, orphanFiles: 0 });
    expect(await originals()).toEqual(before.filter((file) => !file.includes(jobId)));
    await server.db.pool.query(`update job_original set expires_at = clock_timestamp()`);
    await clean();
    expect(await originals()).toEqual([]);
  });

  it('takes an original without a row for an orphan, when it is old enough, and leaves those with one alone', async () => {
    const { jobId } = await makeResult(server, photo);
    const lost = (await makeResult(server, photo)).jobId;
    await server.db.pool.query('delete from job_original where job_id = $1', [lost]);
    expect(await clean()).toMatchObject({ orphanFiles: 0 });
    await ageOriginals();
    expect(await clean()).toMatchObject({ orphanFiles: 1, expiredOriginals: 0 });
    expect((await originals()).filter((file) => file.includes(lost))).toEqual([]);
    expect((await desk.ask(`/jobs/${jobId}/original`)).body).toEqual(photo);
  });
});

/** Lets all originals have been there for an hour. */
async function ageOriginals(): Promise<void> {
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const file of await originals()) await utimes(join(server.mediaRoot, file), hourAgo, hourAgo);
}

describe('a rerun', () => {
  it('makes a new job of the same photo, with the metadata of the first; the first one stays as it is', async () => {
    const answer = await postPhoto({
      url: `${server.url}/ingest/slot-001?token=t%C3%A4st`,
      password: INGEST_PASSWORD,
      photo,
      timeoutMs: 18_000,
    });
    const jobId = answer.headers.get('x-job-id') ?? '';
    const before = await desk.read(`/jobs/${jobId}`);
    const view = await rerun(jobId);
    expect(view.job).toMatchObject({ failure_reason: null, slot_id: 'slot-001', provider_id: 'studio' });
    expect(view.job.metadata).toEqual({ ...before.job.metadata, rerun_of: jobId });
    expect(view.job.metadata['url.token']).toBe('täst');
    expect(view.job.result_checksum).toBe(before.job.result_checksum);
    expect((await desk.ask(`/jobs/${view.job.id}/original`)).body).toEqual(photo);
    const { deadline: _, ...same } = await desk.read(`/jobs/${jobId}`);
    expect(same).toEqual({ ...same, job: before.job, metrics: before.metrics, result: before.result });
  });

  it('follows the slot as it is now, or, when asked to, as it was', async () => {
    await updateSlot(server.db, GEMINI_SLOT, { settings: { prompt: 'Make it a comic.' } }, 'test');
    const { jobId } = await makeResult(server, photo, GEMINI_SLOT);
    await updateSlot(server.db, GEMINI_SLOT, { settings: { prompt: 'Make it an oil painting.' } }, 'test');
    const prompts = (count: number) =>
      server.simulator.requests
        .slice(-count)
        .map((request) => JSON.stringify(request).match(/comic|oil painting/)?.[0]);
    await rerun(jobId);
    await rerun(jobId, 'current');
    await rerun(jobId, 'original');
    expect(prompts(4)).toEqual(['comic', 'oil painting', 'oil painting', 'comic']);
    await updateSlot(
      server.db,
      GEMINI_SLOT,
      { providerId: 'studio', operationId: 'filter', settings: { effect: 'sepia' } },
      'test',
    );
    expect((await rerun(jobId)).job).toMatchObject({ provider_id: 'studio', operation_id: 'filter' });
    expect((await rerun(jobId, 'original')).job).toMatchObject({ provider_id: 'gemini', operation_id: 'image_edit' });
    expect(prompts(1)).toEqual(['comic']);
    const settings = { prompt: 'Make it a comic.' };
    await updateSlot(server.db, GEMINI_SLOT, { providerId: 'gemini', operationId: 'image_edit', settings }, 'test');
  });

  it('of a failed job can still bring the picture', async () => {
    server.simulator.plan({ kind: 'safety_block' });
    const jobId = await postedJobId(server, photo, GEMINI_SLOT);
    expect((await rerun(jobId)).result).toMatchObject({ mime: 'image/jpeg' });
    expect((await desk.read(`/jobs/${jobId}`)).job.failure_reason).toBe('provider_error');
  });

  it('keeps its own original no longer than the first one, and none where the slot keeps none', async () => {
    const { jobId } = await makeResult(server, photo);
    const first = (await desk.read(`/jobs/${jobId}`)).job;
    const second = (await rerun(jobId)).job;
    expect(second.original_expires_at).toBe(first.original_expires_at);
    const third = (await rerun(second.id)).job;
    expect(third.original_expires_at).toBe(first.original_expires_at);
    await keepOriginals(server.db, 'slot-001', 0);
    expect((await rerun(jobId)).job.original_expires_at).toBeNull();
    await setOriginalLeft(server.db, jobId, -1);
    expect(refusal(await desk.post(`/jobs/${jobId}/rerun`))).toBe('410 original_expired');
    // each has a name of its own for the photo: the first one's end is not the end of the others
    await clean();
    expect((await desk.ask(`/jobs/${second.id}/original`)).body).toEqual(photo);
  });

  it('counts its window from the request, whatever the age of the original', async () => {
    const { jobId } = await makeResult(server, photo);
    await ageOriginals();
    const { job } = await rerun(jobId);
    expect(Date.parse(job.expires_at) - Date.parse(job.created_at)).toBe(12_000);
    expect(Date.now() - Date.parse(job.created_at)).toBeLessThan(60_000);
    // its photo was as young as its row for the sweep of files without one
    expect(await clean()).toMatchObject({ orphanFiles: 0 });
  });

  it('is refused while the queue is full, and leaves no file and no row', async () => {
    const { jobId } = await makeResult(server, photo);
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const open = await openJobId(server);
    const [rows, files] = [await countRows(server), await server.files()];
    expect(refusal(await desk.post(`/jobs/${jobId}/rerun`))).toBe('429 queue_busy');
    expect(await countRows(server)).toBe(rows);
    expect(await server.files()).toEqual(files);
    await desk.post(`/jobs/${open}/cancel`);
    await held;
  });

  it.each(['damaged', 'lost'])('of a photo that was %s on disk is 410, and makes no job', async (fault) => {
    const { jobId } = await makeResult(server, photo);
    const path = join(server.mediaRoot, (await originals()).find((file) => file.includes(jobId)) ?? '');
    if (fault === 'lost') await rm(path);
    else await truncate(path, photo.length - 1);
    const rows = await countRows(server);
    expect(refusal(await desk.post(`/jobs/${jobId}/rerun`))).toBe('410 original_expired');
    expect(await countRows(server)).toBe(rows);
    await server.waitForLine({ msg: 'the original is gone or damaged', job_id: jobId });
    await setOriginalLeft(server.db, jobId, -1);
    await clean();
  });

  it('is told in the audit log, with both jobs', async () => {
    const { jobId } = await makeResult(server, photo);
    const { job } = await rerun(jobId, 'original');
    const { rows } = await server.db.pool.query(
      `select actor, object_id, details from audit_event where action = 'job.rerun' and object_id = $1`,
      [jobId],
    );
    expect(rows).toEqual([
      {
        actor: expect.stringMatching(/^test-/),
        object_id: jobId,
        details: { slot_id: 'slot-001', job_id: job.id, settings: 'original' },
      },
    ]);
  });

  it('can be cancelled: its photo goes, the original stays', async () => {
    const { jobId } = await makeResult(server, photo, GEMINI_SLOT);
    server.simulator.plan({ kind: 'hang' });
    const calls = server.simulator.requests.length;
    const { job_id: second } = jsonOf(await desk.post(`/jobs/${jobId}/rerun`));
    await server.simulator.waitForRequest(calls + 1);
    expect((await desk.post(`/jobs/${second}/cancel`)).status).toBe(200);
    await expectNothingLeft(server);
    expect((await desk.ask(`/jobs/${second}/original`)).body).toEqual(photo);
  });
});
