import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { enqueueJob } from '../../src/repositories/enqueue-job.ts';
import { forgetResultFiles } from '../../src/repositories/retention.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { closeWindow, newJob, readJob } from '../support/queue.ts';
import { makeResult, resultPathOf, setRetentionLeft } from '../support/results.ts';
import { eventually, expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

let server: GeminiServer;
let photo: Buffer;
let live: { jobId: string; picture: Buffer };

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 900, heightPx: 500 });
  server = await startGeminiServer({ environment: { RESULT_RETENTION_HOURS: '72' } });
  live = await makeResult(server, photo);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const get = (id: string, headers: Record<string, string> = {}, method = 'GET'): Promise<HttpAnswer> =>
  ask(`${server.url}/public/results/${id}`, { method, headers });
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a result link', () => {
  it('answers with the picture as an attachment that nothing may take for a page', async () => {
    const answer = await get(live.jobId);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(live.picture);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-disposition': `attachment; filename="${live.jobId}.jpg"`,
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    });
  });

  it('says until when it works: 72 hours after the picture was finished', async () => {
    const { headers } = await get(live.jobId);
    const row = await readJob(server.db, live.jobId);
    const endsAt = row.result_expires_at as Date;
    expect(endsAt.getTime() - (row.finalized_at as Date).getTime()).toBeLessThanOrEqual(72 * 3_600_000 + 1);
    expect(endsAt.getTime() - (row.finalized_at as Date).getTime()).toBeGreaterThanOrEqual(72 * 3_600_000 - 1);
    expect(headers.get('photochanger-result-expires-at')).toBe(endsAt.toISOString());
    expect(headers.get('expires')).toBe(endsAt.toUTCString());
    const leftSeconds = Number(/^private, max-age=(\d+)$/.exec(headers.get('cache-control') ?? '')?.[1]);
    expect(leftSeconds).toBeGreaterThan(72 * 3_600 - 60);
    expect(leftSeconds).toBeLessThanOrEqual(72 * 3_600);
  });

  it('has a strong tag, the checksum, the same for every part of it', async () => {
    const etag = `"${sha256(live.picture)}"`;
    expect((await get(live.jobId)).headers.get('etag')).toBe(etag);
    expect((await get(live.jobId, { Range: 'bytes=0-0' })).headers.get('etag')).toBe(etag);
  });

  it('answers HEAD with the head of GET', async () => {
    const [whole, head] = [await get(live.jobId), await get(live.jobId, {}, 'HEAD')];
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    for (const name of ['content-length', 'content-type', 'etag', 'expires', 'content-disposition', 'accept-ranges'])
      expect(head.headers.get(name)).toBe(whole.headers.get(name));
  });

  it('ignores query parameters and the case of the id', async () => {
    expect((await get(`${live.jobId.toUpperCase()}?utm_source=guest&utm_source=x&%00`)).body).toEqual(live.picture);
  });

  it('has a thumbnail, a JPEG of at most 320 pixels', async () => {
    const { body, headers } = await get(`${live.jobId}/thumbnail`);
    const { format, width, height } = await sharp(body).metadata();
    expect({ format, width, height }).toEqual({ format: 'jpeg', width: 320, height: 178 });
    expect(headers.get('etag')).not.toBe((await get(live.jobId)).headers.get('etag'));
  });
});

describe('a range', () => {
  const ranges: [string, (size: number) => [first: number, last: number]][] = [
    ['bytes=0-0', () => [0, 0]],
    ['bytes=5-9', () => [5, 9]],
    ['bytes=100-', (size) => [100, size - 1]],
    ['bytes=-7', (size) => [size - 7, size - 1]],
    ['bytes=-99999999', (size) => [0, size - 1]],
    ['bytes=3-99999999', (size) => [3, size - 1]],
  ];
  it.each(ranges)('%s is answered with just these bytes', async (range, expected) => {
    const size = live.picture.length;
    const [first, last] = expected(size);
    const answer = await get(live.jobId, { Range: range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/${size}`);
    expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
    expect(answer.body).toEqual(live.picture.subarray(first, last + 1));
  });

  it.each(['bytes=0-0,5-9', 'bytes=9-5', 'lines=0-1', 'bytes=a-b', 'bytes=', 'bytes=-', 'nonsense', 'bytes=0x1-2'])(
    '%s is answered whole',
    async (range) => {
      const answer = await get(live.jobId, { Range: range });
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(live.picture);
    },
  );

  it.each(['bytes=99999999-', 'bytes=99999999-999999999', 'bytes=-0'])('%s cannot be answered: 416', async (range) => {
    const answer = await get(live.jobId, { Range: range });
    expect(refusal(answer)).toBe('416 range_not_satisfiable');
    expect(errorOf(answer).details).toEqual({ size_bytes: live.picture.length });
  });

  it('is honoured only for the picture that If-Range names', async () => {
    const etag = (await get(live.jobId)).headers.get('etag') ?? '';
    expect((await get(live.jobId, { Range: 'bytes=0-4', 'If-Range': etag })).status).toBe(206);
    const whole = await get(live.jobId, { Range: 'bytes=0-4', 'If-Range': '"another picture"' });
    expect(whole.status).toBe(200);
    expect(whole.body).toEqual(live.picture);
  });
});

describe('a result that is over', () => {
  it('is there until its last second and 410 from then on, in every way to ask', async () => {
    const { jobId } = await makeResult(server, photo);
    await setRetentionLeft(server.db, jobId, 30);
    const inTime = await get(jobId, { Range: 'bytes=0-9' });
    expect(inTime.status).toBe(206);
    expect(Number(/max-age=(\d+)/.exec(inTime.headers.get('cache-control') ?? '')?.[1])).toBeLessThanOrEqual(30);
    await setRetentionLeft(server.db, jobId, 0);
    expect((await get(jobId, {}, 'HEAD')).status).toBe(410);
    for (const headers of [{}, { Range: 'bytes=0-9' }, { Range: 'bytes=99999999-' }])
      expect(refusal(await get(jobId, headers))).toBe('410 result_expired');
    const { headers } = await get(jobId);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('after 72 hours: whole, in parts and by its head at 71:59:59, and in none of these ways at 72:00:01', async () => {
    const { jobId, picture } = await makeResult(server, photo);
    const ways = () =>
      Promise.all([get(jobId), get(jobId, { Range: 'bytes=5-9' }), get(jobId, {}, 'HEAD'), get(`${jobId}/thumbnail`)]);
    // again where the machine was too slow for the last second
    const [whole, part, head] = await eventually(async () => {
      await setAge(jobId, '71:59:59');
      const answers = await ways();
      expect(answers.map(({ status }) => status)).toEqual([200, 206, 200, 200]);
      return answers;
    });
    expect(whole.body).toEqual(picture);
    expect(part.body).toEqual(picture.subarray(5, 10));
    expect(head.headers.get('content-length')).toBe(String(picture.length));
    expect(head.headers.get('cache-control')).toMatch(/^private, max-age=[01]$/);
    await setAge(jobId, '72:00:01');
    const over = await ways();
    expect(over.map(({ status }) => status)).toEqual([410, 410, 410, 410]);
    for (const { headers } of over) expect(headers.get('cache-control')).toBe('no-store');
    expect(over.map(({ headers }) => headers.has('content-range'))).toEqual([false, false, false, false]);
  });

  it('stays 410 once the file and the path are gone', async () => {
    const { jobId } = await makeResult(server, photo);
    await setRetentionLeft(server.db, jobId, -1);
    const path = (await resultPathOf(server.db, jobId)) ?? '';
    await forgetResultFiles(server.db, [jobId]);
    await rm(join(server.mediaRoot, path));
    await rm(join(server.mediaRoot, path.replace(/\.jpg$/, '.thumb.jpg')));
    expect(refusal(await get(jobId))).toBe('410 result_expired');
    expect(refusal(await get(`${jobId}/thumbnail`))).toBe('410 result_expired');
  });

  it('is 410 also before its time, when it was deleted', async () => {
    const { jobId } = await makeResult(server, photo);
    const path = (await resultPathOf(server.db, jobId)) ?? '';
    await rm(join(server.mediaRoot, path));
    await rm(join(server.mediaRoot, path.replace(/\.jpg$/, '.thumb.jpg')));
    expect(refusal(await get(jobId))).toBe('410 result_expired');
    await forgetResultFiles(server.db, [jobId]);
    expect(refusal(await get(jobId))).toBe('410 result_expired');
  });
});

describe('a result that never was is 404', () => {
  it.each([
    ['an unknown id', randomUUID()],
    ['no id', 'latest'],
    ['an id and more', `${randomUUID()}.jpg`],
    ['an id without its dashes', randomUUID().replaceAll('-', '')],
    ['a way out of the folder', '..%2f..%2f..%2fetc%2fpasswd'],
    ['a NUL', '%00'],
    ['an injection', "'%20or%201=1--"],
    ['a long text', 'x'.repeat(5_000)],
  ])('%s', async (_, id) => {
    expect(refusal(await get(id))).toBe('404 result_not_found');
    expect(refusal(await get(`${id}/thumbnail`))).toBe('404 result_not_found');
  });

  it('a job that is not finished, and one that failed', async () => {
    const job = newJob({ providerId: 'nobody' });
    await enqueueJob(server.db, job);
    expect(refusal(await get(job.id))).toBe('404 result_not_found');
    await closeWindow(server.db, job.id);

    server.simulator.plan({ kind: 'safety_block' });
    const failed = await server.post({ photo, slotId: GEMINI_SLOT });
    expect(refusal(failed)).toBe('502 provider_error');
    expect(refusal(await get(errorOf(failed).details?.job_id ?? ''))).toBe('404 result_not_found');
  });
});

/** Lets a result have been finished so long ago, its end with it: 72 hours after that. */
async function setAge(jobId: string, age: string): Promise<void> {
  const client = await server.db.pool.connect();
  await client.query('set session_replication_role = replica');
  await client.query(
    `update job set result_expires_at = result_expires_at - (finalized_at - (clock_timestamp() - $2::interval)),
      finalized_at = clock_timestamp() - $2::interval where id = $1`,
    [jobId, age],
  );
  client.release(true);
}
