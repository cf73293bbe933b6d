import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { endJob } from '../../src/repositories/job-queue.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { jobIdIn, keepOriginals } from '../support/jobs.ts';
import { resultPathOf, setRetentionLeft } from '../support/results.ts';
import { isReplay, type KeyedPhoto, postKeyed, summaryOf } from '../support/sent-again.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
  withGeminiServer,
} from '../support/slots.ts';

let server: GeminiServer;
let photo: Buffer;
let other: Buffer;
let keys = 0;

beforeAll(async () => {
  photo = await makePhoto();
  other = await makePhoto({ widthPx: 80, heightPx: 20 });
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const newKey = (): string => `key-${++keys}`;
const post = (request: Omit<KeyedPhoto, 'photo'> & { photo?: Buffer }) => postKeyed(server, { photo, ...request });

const joined = (jobId: string) => server.waitForLine({ msg: 'equal request joined', job_id: jobId });

describe('a request with a key that is sent again', () => {
  it('gets the finished picture at once: the same bytes, the same job, no other call', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'success' });
    const calls = server.simulator.requests.length;
    const first = await post({ key, slotId: GEMINI_SLOT });
    const again = await post({ key, slotId: GEMINI_SLOT });
    expect(summaryOf(again)).toBe(summaryOf(first));
    expect([first, again].map(isReplay)).toEqual([false, true]);
    expect(again.headers.get('photochanger-provider')).toBe('gemini');
    expect(server.simulator.requests.length).toBe(calls + 1);
  });

  it('waits for the running job, however often it is sent', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const rows = await countRows(server);
    const first = post({ key, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const answers = await Promise.all([first, ...Array.from({ length: 4 }, () => post({ key, slotId: GEMINI_SLOT }))]);
    expect(new Set(answers.map(summaryOf)).size).toBe(1);
    expect(answers.map(isReplay)).toEqual([false, true, true, true, true]);
    expect(answers[4]?.headers.get('x-job-id')).toBe(jobId);
    expect(await countRows(server)).toBe(rows + 1);
  });

  it('leaves nothing of its upload while the first one’s job runs', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'hang' });
    const first = post({ key, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const again = post({ key, slotId: GEMINI_SLOT });
    await joined(jobId);
    const payloads = async () => (await server.files()).filter((path) => path.startsWith('payloads/'));
    await eventually(async () => expect(await payloads()).toEqual([`payloads/${jobId}.photo`]));
    await cancel(jobId);
    expect((await Promise.all([first, again])).map(refusal)).toEqual(['503 job_cancelled', '503 job_cancelled']);
  });

  it('keeps one original where the slot keeps them: that of the first request', async () => {
    await keepOriginals(server.db, 'slot-001', 1);
    const key = newKey();
    const jobIds = [await post({ key }), await post({ key })].map(jobIdIn);
    await keepOriginals(server.db, 'slot-001', 0);
    const { rows } = await server.db.pool.query('select job_id from job_original');
    expect([...rows.map((row) => row.job_id), jobIds[1]]).toEqual([jobIds[0], jobIds[0]]);
  });

  it('joins although every place in the queue is taken', () =>
    withGeminiServer({ QUEUE_MAX_IN_FLIGHT_JOBS: '1' }, async (full) => {
      full.simulator.plan({ kind: 'success', delayMs: 1_000 });
      const request = { photo, key: newKey(), slotId: GEMINI_SLOT };
      const first = postKeyed(full, request);
      await openJobId(full);
      expect(refusal(await postKeyed(full, { photo }))).toBe('429 queue_busy');
      const answers = await Promise.all([first, postKeyed(full, request)]);
      expect(answers.map(refusal)).toEqual(['200', '200']);
    }));
});

describe('a key', () => {
  it.each([
    ['another photo', { photo: 'other' }],
    ['another field', { fields: { survey1: 'no' } }],
    ['a field more', { fields: { survey1: 'yes', survey2: 'x' } }],
    ['another token', { search: '?event=late' }],
  ])('belongs to its request: %s under it is refused, and leaves nothing', async (_, change) => {
    const request = { key: newKey(), fields: { survey1: 'yes' }, search: '?event=gala' };
    expect(refusal(await post(request))).toBe('200');
    const rows = await countRows(server);
    const changed = { ...request, ...change, photo: 'photo' in change ? other : photo };
    expect(refusal(await post(changed))).toBe('422 idempotency_key_reused');
    expect(refusal(await post(request))).toBe('200');
    expect(await countRows(server)).toBe(rows);
  });

  it('does not mind how the answer is wanted, nor the order of fields', async () => {
    const key = newKey();
    const first = await post({ key, fields: { a: '1', b: '2' } });
    const again = await post({ key, fields: { b: '2', a: '1' }, search: '?reply=multipart' });
    expect(again.headers.get('x-job-id')).toBe(first.headers.get('x-job-id'));
  });

  it('is one of its slot: in another it is another', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'success' });
    const answers = [await post({ key }), await post({ key, slotId: GEMINI_SLOT })];
    expect(answers.map((answer) => [refusal(answer), isReplay(answer)])).toEqual([
      ['200', false],
      ['200', false],
    ]);
  });

  it('is compared byte by byte, whatever visible characters it has', async () => {
    const visible = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join('');
    for (const key of [visible, visible.toLowerCase(), `"${newKey()}"`, 'k'.repeat(255), 'k'.repeat(254)]) {
      expect(isReplay(await post({ key }))).toBe(false);
      expect(isReplay(await post({ key }))).toBe(true);
    }
  });

  it('is free again when its job has failed', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT' });
    expect(refusal(await post({ key, slotId: GEMINI_SLOT }))).toBe('502 provider_error');
    server.simulator.plan({ kind: 'success' });
    const again = await post({ key, slotId: GEMINI_SLOT });
    expect([refusal(again), isReplay(again)]).toEqual(['200', false]);
  });

  it('is told to fail by the same failure, to everybody who waits', async () => {
    const key = newKey();
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT', delayMs: 1_000 });
    const first = post({ key, slotId: GEMINI_SLOT });
    await openJobId(server);
    const answers = await Promise.all([first, post({ key, slotId: GEMINI_SLOT })]);
    expect(new Set(answers.map((answer) => `${refusal(answer)} ${errorOf(answer).details?.job_id}`)).size).toBe(1);
    expect(answers.map(refusal)).toEqual(['502 provider_error', '502 provider_error']);
  });

  it.each([
    ['has expired', (jobId: string) => setRetentionLeft(server.db, jobId, -1)],
    ['was deleted', (jobId: string) => forgetResult(jobId)],
  ])('is free again when its result %s', async (_, end) => {
    const key = newKey();
    const jobId = jobIdIn(await post({ key }));
    await end(jobId);
    const again = await post({ key });
    expect([refusal(again), isReplay(again)]).toEqual(['200', false]);
    expect(jobIdIn(again)).not.toBe(jobId);
    if ((await resultPathOf(server.db, jobId)) !== null) await forgetResult(jobId);
  });
});

describe('a request without a key', () => {
  it('that names no shot is never taken for another one: two guests may send the same picture', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 }, { kind: 'success', delayMs: 1_000 });
    const request = { slotId: GEMINI_SLOT, fields: { survey1: 'yes' } };
    const answers = await Promise.all([post(request), post(request)]);
    expect(answers.map(refusal)).toEqual(['200', '200']);
    expect(new Set(answers.map((answer) => answer.headers.get('x-job-id'))).size).toBe(2);
  });
});

const cancel = (jobId: string): Promise<boolean> =>
  endJob(server.db, { jobId, reason: 'cancelled', message: 'an operator cancelled it', onlyWaiting: false });

/** Lets a result be gone, as retention and deletion do it. */
async function forgetResult(jobId: string): Promise<void> {
  const path = (await resultPathOf(server.db, jobId)) as string;
  await createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 }).removeResult(path);
  await server.db.pool.query('update job set result_file_path = null where id = $1', [jobId]);
}
