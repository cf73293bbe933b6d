import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { deleteResult } from '../../src/services/result/delete-result.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { type JobDesk, openJobDesk } from '../support/jobs.ts';
import { makeResult, resultPathOf } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { expectNothingLeft } from '../support/slots.ts';

let server: TestServer;
let desk: JobDesk;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer();
  desk = await openJobDesk(server);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const remove = (jobId: string) => desk.ask(`/jobs/${jobId}/result`, { method: 'DELETE' });

describe('deleting a result', () => {
  it('removes the picture and its preview; the job and what it was stay, its link is 410', async () => {
    const { jobId } = await makeResult(server, photo);
    const before = await desk.read(`/jobs/${jobId}`);
    expect(before.result).not.toBeNull();
    expect((await remove(jobId)).status).toBe(204);
    expect((await server.files()).filter((file) => file.includes(jobId))).toEqual([]);
    for (const path of [jobId, `${jobId}/thumbnail`])
      expect(refusal(await ask(`${server.url}/public/results/${path}`))).toBe('410 result_expired');
    const after = await desk.read(`/jobs/${jobId}`);
    expect(after).toMatchObject({ result: null, metrics: before.metrics });
    expect(after.job).toEqual({ ...before.job, result_file_path: null });
  });

  it('takes it out of the lists of its slot', async () => {
    const { jobId } = await makeResult(server, photo);
    const total = async () => (await desk.read('/slots/slot-001/results')).meta.total;
    const before = await total();
    await remove(jobId);
    expect(await total()).toBe(before - 1);
    const { data } = await desk.read('/slots/slot-001/results?page_size=100');
    expect(data.map(({ job_id: id }: { job_id: string }) => id)).not.toContain(jobId);
  });

  it('is told in the audit log once, however often it is asked for, also at the same time', async () => {
    const { jobId } = await makeResult(server, photo);
    const answers = await Promise.all([1, 2, 3, 4].map(() => remove(jobId)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    const { rows } = await server.db.pool.query(
      `select actor, details from audit_event where action = 'result.deleted' and object_id = $1`,
      [jobId],
    );
    expect(rows).toEqual([{ actor: expect.stringMatching(/^test-/), details: { slot_id: 'slot-001' } }]);
  });

  it('does not need the files to be there', async () => {
    const { jobId } = await makeResult(server, photo);
    const path = join(server.mediaRoot, (await resultPathOf(server.db, jobId)) ?? '');
    await rm(path);
    await rm(path.replace(/\.jpg$/, '.thumb.jpg'));
    expect((await remove(jobId)).status).toBe(204);
  });

  it('ends the link also when the disk keeps the files: they are left to the sweep for orphans', async () => {
    const { jobId } = await makeResult(server, photo);
    const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
    const broken = { removeResult: () => Promise.reject(new Error('the disk is read-only')) };
    await deleteResult({ db: server.db, store: broken, log: createLog('silent') }, COMMAND_LINE, jobId);
    expect(refusal(await ask(`${server.url}/public/results/${jobId}`))).toBe('410 result_expired');
    const files = (await server.files()).filter((file) => file.includes(jobId));
    expect(files).toHaveLength(2);
    for (const file of files) await store.remove(file);
  });
});

describe('the results of a slot', () => {
  it('are paged, newest first, each with links that work', async () => {
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1) made.unshift((await makeResult(server, photo)).jobId);
    const pages = await Promise.all(
      [1, 2].map((page) => desk.read(`/slots/slot-001/results?page=${page}&page_size=3`)),
    );
    const data = pages.flatMap((page) => page.data);
    expect(data.slice(0, 5).map(({ job_id: id }) => id)).toEqual(made);
    expect(pages[0].meta).toEqual({ page: 1, page_size: 3, total: pages[1].meta.total });
    for (const { download_url: link, thumbnail_url: preview, size_bytes: sizeBytes } of data) {
      expect((await ask(link)).body).toHaveLength(sizeBytes);
      expect((await ask(preview)).headers.get('content-type')).toBe('image/jpeg');
    }
    expect((await desk.read('/slots/slot-002/results')).data).toEqual([]);
  });
});
