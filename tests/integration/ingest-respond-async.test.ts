/** A client that does not wait leaves its photo behind and fetches the picture later. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { jobIdIn, openJobDesk } from '../support/jobs.ts';
import { readJob } from '../support/queue.ts';
import { isReplay, type KeyedPhoto, postKeyed } from '../support/sent-again.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  startGeminiServer,
  withGeminiServer,
} from '../support/slots.ts';

let server: GeminiServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const ASYNC = { Prefer: 'respond-async' };

const leave = (request: Partial<KeyedPhoto> = {}, place: TestServer = server) =>
  postKeyed(place, { photo, slotId: GEMINI_SLOT, headers: ASYNC, ...request });

const acceptedId = (answer: HttpAnswer): string => {
  expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
  return answer.headers.get('x-job-id') ?? 'none';
};

const resultOf = (jobId: string, place: TestServer = server) => ask(`${place.url}/public/results/${jobId}`);
const payloadsOf = async (place: TestServer) => (await place.files()).filter((path) => path.startsWith('payloads/'));
const noPayload = (place: TestServer) => eventually(async () => expect(await payloadsOf(place)).toEqual([]));

describe('a photo that is left behind', () => {
  it('is answered before there is a picture, which is then found at the address that was told', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const answer = await leave();
    const jobId = acceptedId(answer);
    const { expires_at: expiresAt, is_finalized: isFinalized } = await readJob(server.db, jobId);
    const body = JSON.parse(answer.body.toString());
    expect(isFinalized).toBe(false);
    expect(body.expires_at).toBe(expiresAt.toISOString());
    expect(refusal(await resultOf(jobId))).toBe('404 result_not_found');
    const location = new URL(answer.headers.get('location') ?? '', server.url).href;
    expect(location).toBe(body.result_url);
    await eventually(async () => expect((await ask(location)).status).toBe(200));
    const desk = await openJobDesk(server);
    expect((await desk.read(new URL(body.status_url).pathname.slice('/api'.length))).job.id).toBe(jobId);
  });

  it('is held by nobody: its client may go, and the server does not wait for it', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const jobId = acceptedId(await leave());
    expect(await server.waitForLine({ msg: 'request', job_id: jobId })).toMatchObject({ status: 202, sent: 'sent' });
    await server.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
  });

  it.each(['respond-async, wait=1', 'wait=1, respond-async; x="y, z"', 'RESPOND-ASYNC'])(
    'may say so as %s',
    async (prefer) => {
      acceptedId(await leave({ slotId: 'slot-001', headers: { Prefer: prefer } }));
    },
  );

  it.each(['wait=1', 'respond-async=no', 'foo="respond-async"', 'return=minimal'])(
    'is not what %s asks for',
    async (prefer) => {
      expect(refusal(await leave({ slotId: 'slot-001', headers: { Prefer: prefer } }))).toBe('200');
    },
  );

  it('is refused like any other', async () => {
    const rows = await countRows(server);
    expect(refusal(await leave({ photo: Buffer.from('no picture') }))).toBe('400 invalid_payload');
    expect(refusal(await leave({ slotId: 'slot-016' }))).toBe('404 slot_not_found');
    expect(await countRows(server)).toBe(rows);
  });
});

describe('the photo is gone as soon as its job has ended', () => {
  it('with a picture', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const jobId = acceptedId(await leave());
    expect(await payloadsOf(server)).toEqual([`payloads/${jobId}.photo`]);
    await server.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    await noPayload(server);
  });

  it('with a failure: the address stays 404', async () => {
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT', delayMs: 1_000 });
    const jobId = acceptedId(await leave());
    await server.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'failed' });
    await noPayload(server);
    expect(refusal(await resultOf(jobId))).toBe('404 result_not_found');
  });

  it('with a cancellation', async () => {
    server.simulator.plan({ kind: 'hang' });
    const jobId = acceptedId(await leave());
    const desk = await openJobDesk(server);
    expect((await desk.post(`/jobs/${jobId}/cancel`)).status).toBe(200);
    await noPayload(server);
  });

  it('with its window: the call is aborted, the address stays 404', () =>
    withGeminiServer({ T_SYNC_RESPONSE_SECONDS: '1' }, async (hasty) => {
      hasty.simulator.plan({ kind: 'hang' });
      const jobId = acceptedId(await leave({}, hasty));
      await hasty.waitForLine({ msg: 'swept', job_id: jobId, outcome: 'timeout' });
      await noPayload(hasty);
      expect((await hasty.simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
      expect(await readJob(hasty.db, jobId)).toMatchObject({ failure_reason: 'timeout' });
      expect(refusal(await resultOf(jobId, hasty))).toBe('404 result_not_found');
    }));

  it('with its window, while no worker runs', async () => {
    const api = await startTestServer({ environment: { ROLE: 'api', T_SYNC_RESPONSE_SECONDS: '1' } });
    const jobId = acceptedId(await leave({ slotId: 'slot-001' }, api));
    await api.waitForLine({ msg: 'swept', job_id: jobId, outcome: 'timeout' });
    await noPayload(api);
    await expectNothingLeft(api);
    await api.stop();
  });

  it('in another process', async () => {
    const api = await startTestServer({ environment: { ROLE: 'api' } });
    const jobId = acceptedId(await leave({ slotId: 'slot-001' }, api));
    const { database, mediaRoot } = api;
    const worker = await startTestServer({ database, mediaRoot, environment: { ROLE: 'worker' } });
    await worker.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    await noPayload(api);
    expect((await resultOf(jobId, api)).status).toBe(200);
    await worker.stop();
    await expectNothingLeft(api);
    await api.stop();
  });
});

describe('a photo that is left behind again, under its key', () => {
  it('belongs to the running job; nothing else of it stays', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const first = acceptedId(await leave({ key: 'left-twice' }));
    const again = await leave({ key: 'left-twice' });
    expect([acceptedId(again), isReplay(again)]).toEqual([first, true]);
    expect(JSON.parse(again.body.toString()).expires_at).toBe(
      (await readJob(server.db, first)).expires_at.toISOString(),
    );
    await eventually(async () => expect(await payloadsOf(server)).toEqual([`payloads/${first}.photo`]));
  });

  it('is answered with the picture where there is one already', async () => {
    const first = await leave({ key: 'there-already', headers: {}, slotId: 'slot-001' });
    const again = await leave({ key: 'there-already', slotId: 'slot-001' });
    expect([refusal(again), isReplay(again), again.headers.get('preference-applied')]).toEqual([
      '200',
      true,
      undefined,
    ]);
    expect(again.body.equals(first.body)).toBe(true);
  });

  it('can be waited for, and is not cancelled by who waited and left', async () => {
    const api = await startTestServer({ environment: { ROLE: 'api' } });
    const request = { photo, key: 'left-then-waited-for' };
    const jobId = acceptedId(await leave({ ...request, slotId: 'slot-001' }, api));
    const waiting = postKeyed(api, request);
    await api.waitForLine({ msg: 'equal request joined', job_id: jobId });
    const { database, mediaRoot } = api;
    const worker = await startTestServer({ database, mediaRoot, environment: { ROLE: 'worker' } });
    expect(jobIdIn(await waiting)).toBe(jobId);
    await worker.stop();
    await expectNothingLeft(api);
    await api.stop();
  });
});

it('the station inspector tells that nobody waited', async () => {
  const jobId = acceptedId(await leave({ slotId: 'slot-001' }));
  await eventually(async () => {
    const { rows } = await server.db.pool.query('select status, code, job_id from station_request where job_id = $1', [
      jobId,
    ]);
    expect(rows).toEqual([{ status: 202, code: null, job_id: jobId }]);
  });
});
