import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { ask } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart } from '../support/post-form.ts';
import { readJob } from '../support/queue.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
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
let photo: Buffer;
let rowsBefore: number;
let filesBefore: readonly string[];

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 800, heightPx: 600 });
  server = await startGeminiServer();
});
beforeEach(async () => {
  rowsBefore = await countRows(server);
  filesBefore = await server.files();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

/** Sends the head and a share of the body. */
async function beginUpload(to: TestServer, share: number, requestId: string, slotId = 'slot-001'): Promise<RawClient> {
  const body = formBytes([PASSWORD_PART, photoPart(photo)]);
  const client = await connectRaw(to.port);
  const head = [
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${body.length}`,
    `X-Request-Id: ${requestId}`,
  ];
  await client.send(requestHead([...head, 'Expect: 100-continue'], `POST /ingest/${slotId} HTTP/1.1`));
  await client.until(/100 Continue\r\n\r\n/);
  await client.send(body.subarray(0, Math.floor(body.length * share)));
  return client;
}

describe('a station that leaves during its upload leaves no row and no file', () => {
  it('before the first byte of it', async () => {
    const client = await beginUpload(server, 0, 'gone-0');
    client.socket.destroy();
    expect(await server.waitForLine({ msg: 'request', request_id: 'gone-0' })).toMatchObject({ sent: 'gone' });
    expect(await countRows(server)).toBe(rowsBefore);
  });

  it.each(['destroy', 'resetAndDestroy'] as const)('half way, while the file is being written: %s', async (leave) => {
    const client = await beginUpload(server, 0.5, `gone-50-${leave}`);
    await eventually(async () => expect(await server.files()).toHaveLength(filesBefore.length + 1));
    client.socket[leave]();
    expect(await server.waitForLine({ msg: 'request', request_id: `gone-50-${leave}` })).toMatchObject({
      sent: 'gone',
    });
    expect(await server.files()).toEqual(filesBefore);
    expect(await countRows(server)).toBe(rowsBefore);
  });
});

describe('a station that leaves', () => {
  it('with the last byte: its job ends one way or the other, and nothing else is left', async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `gone-100-${index}`);
    await Promise.all(
      ids.map(async (requestId) => {
        const client = await beginUpload(server, 1, requestId);
        client.socket.destroy();
        await server.waitForLine({ msg: 'request', request_id: requestId });
      }),
    );
    await expectNothingLeft(server);
    const { rows } = await server.db.pool.query<{ failure_reason: string | null }>('select failure_reason from job');
    for (const { failure_reason: reason } of rows) expect([null, 'cancelled']).toContain(reason);
  });

  it('while its job waits: the job is cancelled', async () => {
    const api = await startTestServer({ environment: { ROLE: 'api' } });
    const left = new AbortController();
    const post = api.post({ photo, signal: left.signal });
    const jobId = await openJobId(api);
    left.abort(new Error('the station gave up'));
    await expect(post).rejects.toThrow('the station gave up');
    await eventually(async () =>
      expect(await readJob(api.db, jobId)).toMatchObject({ failure_reason: 'cancelled', claim_no: 0, attempt_no: 0 }),
    );
    await expectNothingLeft(api);
    await api.stop();
  });

  it('while its provider call is under way: the picture is finished for the gallery', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 200 });
    const left = new AbortController();
    const post = server.post({ photo, slotId: GEMINI_SLOT, signal: left.signal });
    await server.simulator.waitForRequest();
    const jobId = await openJobId(server);
    left.abort(new Error('the station gave up'));
    await expect(post).rejects.toThrow('the station gave up');
    await server.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    expect((await ask(`${server.url}/public/results/${jobId}`)).status).toBe(200);
    expect((await server.simulator.waitForRequest(1, 'ended')).outcome).toBe('answered');
  });

  it('while its provider hangs: the job still ends with its window, the call is aborted, the photo is gone', async () => {
    const hasty = await startGeminiServer({ environment: { T_SYNC_RESPONSE_SECONDS: '1' } });
    hasty.simulator.plan({ kind: 'hang' });
    const left = new AbortController();
    const post = hasty.post({ photo, slotId: GEMINI_SLOT, signal: left.signal });
    await hasty.simulator.waitForRequest();
    const jobId = await openJobId(hasty);
    left.abort(new Error('the station gave up'));
    await expect(post).rejects.toThrow('the station gave up');
    await hasty.waitForLine({ msg: 'swept', job_id: jobId, outcome: 'timeout' });
    expect((await hasty.simulator.waitForRequest(1, 'ended')).outcome).toBe('client_aborted');
    expect(await readJob(hasty.db, jobId)).toMatchObject({ failure_reason: 'timeout' });
    await expectNothingLeft(hasty);
    await hasty.stop();
  });
});
