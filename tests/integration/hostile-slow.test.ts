import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart } from '../support/post-form.ts';
import { connectRaw, type RawClient, requestHead } from '../support/raw-http.ts';
import { makeResult } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft } from '../support/slots.ts';

const SLOW_CLIENTS = 100;

let server: TestServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startTestServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const many = (count: number, open: () => Promise<RawClient>): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, open));

describe(`${SLOW_CLIENTS} clients that never finish`, () => {
  async function stuckInHead(): Promise<RawClient> {
    const client = await connectRaw(server.port);
    await client.send('POST /ingest/slot-001 HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    return client;
  }

  async function stuckInBody(): Promise<RawClient> {
    const client = await connectRaw(server.port);
    const body = formBytes([PASSWORD_PART, photoPart(photo)]);
    const length = `Content-Length: ${body.length}`;
    await client.send(requestHead([`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, length]));
    await client.send(body.subarray(0, body.length - 100));
    return client;
  }

  it.each([
    ['their head', stuckInHead, 0],
    ['their photo', stuckInBody, SLOW_CLIENTS],
  ])('sending %s do not delay an honest station, and leave nothing', async (_, open, filesMeanwhile) => {
    const resultsBefore = (await server.files()).length;
    const slow = await many(SLOW_CLIENTS, open);
    await eventually(async () => expect(await server.files()).toHaveLength(resultsBefore + filesMeanwhile));
    const answer = await server.post({ photo });
    expect(refusal(answer)).toBe('200');
    expect(answer.timing.totalMs).toBeLessThan(2_000);
    for (const client of slow) client.socket.destroy();
    await Promise.all(slow.map(({ closed }) => closed));
  });

  it('reading their picture do not delay an honest guest', async () => {
    const { jobId } = await makeResult(server, await makePhoto({ widthPx: 2_000, heightPx: 1_500 }));
    const slow = await many(SLOW_CLIENTS, async () => {
      const client = await connectRaw(server.port, { isReading: false });
      await client.send(`GET /public/results/${jobId} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return client;
    });
    const answer = await server.post({ photo });
    expect(refusal(answer)).toBe('200');
    expect(answer.timing.totalMs).toBeLessThan(2_000);
    for (const client of slow) client.socket.destroy();
    await Promise.all(slow.map(({ closed }) => closed));
  });
});

describe('a client that sends a byte now and then', () => {
  it('is answered when the window closes, however lively it is', async () => {
    const hasty = await startTestServer({ environment: { T_SYNC_RESPONSE_SECONDS: '1' } });
    const client = await connectRaw(hasty.port);
    const startedAt = performance.now();
    await client.send(
      requestHead([`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, 'Content-Length: 100000']),
    );
    await client.send(formBytes([PASSWORD_PART]).subarray(0, -10));
    await eventually(async () => {
      await client.send('x');
      expect(client.received).toMatch(/^HTTP\/1\.1 504 [\s\S]*sync_timeout/);
    });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    client.socket.destroy();
    await client.closed;
    await expectNothingLeft(hasty);
    await hasty.stop();
  });
});
