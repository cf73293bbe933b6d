/** A station that did not hear an answer sends the same shot again. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildStationRequest, nextShot, type StationRequest } from '../../scripts/station.ts';
import { errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { readJob } from '../support/queue.ts';
import { isReplay, sendTo } from '../support/sent-again.ts';
import { INGEST_PASSWORD, startTestServer, type TestServer } from '../support/server.ts';
import {
  eventually,
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';

let server: GeminiServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const shot = (options: Partial<Parameters<typeof buildStationRequest>[0]> = {}, slotId = GEMINI_SLOT): StationRequest =>
  buildStationRequest({ url: `${server.url}/ingest/${slotId}`, password: INGEST_PASSWORD, photo, ...options });

const joined = (place: TestServer, jobId: string) => place.waitForLine({ msg: 'equal request joined', job_id: jobId });

/** Another server of the same installation, as long as `use` takes. */
async function withOther(
  environment: Readonly<Record<string, string>>,
  use: (other: TestServer) => Promise<void>,
): Promise<void> {
  const gemini = { GEMINI_BASE_URL: server.simulator.url, GEMINI_API_KEY: GEMINI_KEY };
  const other = await startTestServer({
    database: server.database,
    mediaRoot: server.mediaRoot,
    environment: { ...gemini, T_SYNC_RESPONSE_SECONDS: '12', ...environment },
  });
  try {
    await use(other);
  } finally {
    await other.stop();
  }
}

/** A request that can be broken off. */
function leavable(place: TestServer, request: StationRequest) {
  const left = new AbortController();
  const answer = sendTo(place, request, left.signal);
  answer.catch(() => undefined);
  return { answer, leave: () => left.abort(new Error('the station gave up')) };
}

describe('a shot that is sent again', () => {
  it('waits for the running job, with the same picture', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const calls = server.simulator.requests.length;
    const request = shot();
    const first = sendTo(server, request);
    const jobId = await openJobId(server);
    const answers = await Promise.all([first, sendTo(server, request)]);
    expect(answers.map((answer) => [refusal(answer), isReplay(answer)])).toEqual([
      ['200', false],
      ['200', true],
    ]);
    expect(answers.map(({ headers }) => headers.get('x-job-id'))).toEqual([jobId, jobId]);
    expect(answers[1]?.body.equals(answers[0]?.body as Buffer)).toBe(true);
    expect(server.simulator.requests.length).toBe(calls + 1);
  });

  it('is a new job once the first one has ended', async () => {
    const request = shot({}, 'slot-001');
    const answers = [await sendTo(server, request), await sendTo(server, request)];
    expect(answers.map(isReplay)).toEqual([false, false]);
    expect(new Set(answers.map(({ headers }) => headers.get('x-job-id'))).size).toBe(2);
  });

  const others: [string, (request: StationRequest) => StationRequest][] = [
    ['the next shot, of the same picture', nextShot],
    ['the same shot with another answer of the guest', () => shot({ extraFields: { survey1: 'other' } })],
    ['the same shot to another address', () => shot({ url: `${server.url}/ingest/${GEMINI_SLOT}?event=late` })],
    ['the same shot to another slot', () => shot({}, 'slot-001')],
  ];
  it.each(others)('is not %s', async (_, change) => {
    server.simulator.plan({ kind: 'success', delayMs: 1_000 });
    const request = shot();
    const first = sendTo(server, request);
    await openJobId(server);
    const other = await sendTo(server, change(request));
    expect([refusal(other), isReplay(other)]).toEqual(['200', false]);
    expect(refusal(await first)).toBe('200');
  });
});

describe('a station that leaves while its shot, sent again, waits', () => {
  /** A job that no worker takes, and two requests that wait for it: at one server, or at two. */
  async function waitTwice(
    use: (waiting: {
      requests: readonly ReturnType<typeof leavable>[];
      jobId: string;
      first: TestServer;
      second: TestServer;
    }) => Promise<void>,
    isElsewhere = false,
  ): Promise<void> {
    const environment = { ROLE: 'api' };
    const first = await startTestServer({ environment });
    const { database, mediaRoot } = first;
    const second = isElsewhere ? await startTestServer({ environment, database, mediaRoot }) : first;
    try {
      const request = shot({}, 'slot-001');
      const requests = [leavable(first, request)];
      const jobId = await openJobId(first);
      requests.push(leavable(second, request));
      await joined(second, jobId);
      await use({ requests, jobId, first, second });
      await expectNothingLeft(first);
    } finally {
      await second.stop();
      await first.stop();
    }
  }

  const gone = (place: TestServer) => place.waitForLine({ msg: 'request', sent: 'gone' });

  async function finish({ database, mediaRoot }: TestServer): Promise<void> {
    const worker = await startTestServer({ database, mediaRoot, environment: { ROLE: 'worker' } });
    await worker.waitForLine({ msg: 'job run ended', outcome: 'succeeded' });
    await worker.stop();
  }

  it.each([0, 1])('does not cancel the job, whichever of the two it is: %i', (index) =>
    waitTwice(async ({ requests, jobId, second }) => {
      requests[index]?.leave();
      await gone(second);
      expect(await readJob(second.db, jobId)).toMatchObject({ is_finalized: false });
      await finish(second);
      expect(refusal((await requests[1 - index]?.answer) as HttpAnswer)).toBe('200');
    }),
  );

  it.each([0, 1])('does not cancel the job of another server, for whose station it goes on: %i', (index) =>
    waitTwice(async ({ requests, jobId, first, second }) => {
      requests[index]?.leave();
      await gone(index === 0 ? first : second);
      expect(await readJob(second.db, jobId)).toMatchObject({ is_finalized: false });
      await finish(second);
      expect(refusal((await requests[1 - index]?.answer) as HttpAnswer)).toBe('200');
    }, true),
  );

  it.each([
    ['first', [0, 1]],
    ['last', [1, 0]],
  ])('cancels it when both have left, its own one %s; the photo goes', (_, order) =>
    waitTwice(async ({ requests, jobId, second }) => {
      for (const index of order) requests[index]?.leave();
      await eventually(async () =>
        expect(await readJob(second.db, jobId)).toMatchObject({ failure_reason: 'cancelled', attempt_no: 0 }),
      );
    }),
  );
});

describe('each request has its own window', () => {
  it('one that joined is told 504 when it closes, and the job goes on for the first one', () =>
    withOther({ T_SYNC_RESPONSE_SECONDS: '1', ROLE: 'api' }, async (hasty) => {
      server.simulator.plan({ kind: 'success', delayMs: 2_000 });
      const request = shot();
      const first = sendTo(server, request);
      const jobId = await openJobId(server);
      const answer = await sendTo(hasty, request);
      const { expires_at: expiresAt, is_finalized: isFinalized } = await readJob(server.db, jobId);
      expect(refusal(answer)).toBe('504 sync_timeout');
      expect(errorOf(answer).details).toEqual({ job_id: jobId, expires_at: expiresAt.toISOString() });
      expect(isFinalized).toBe(false);
      expect(refusal(await first)).toBe('200');
    }));

  it('one that joined is told 504 when the job’s own closes, although its own is still open', () =>
    withOther({ T_SYNC_RESPONSE_SECONDS: '1' }, async (hasty) => {
      server.simulator.plan({ kind: 'hang' });
      const request = shot();
      const first = sendTo(hasty, request);
      const jobId = await openJobId(server);
      const answers = await Promise.all([first, sendTo(server, request)]);
      expect(answers.map((answer) => [refusal(answer), errorOf(answer).details?.job_id])).toEqual([
        ['504 sync_timeout', jobId],
        ['504 sync_timeout', jobId],
      ]);
    }));

  it('one that joined is told 504 when the job’s own closes and the first station has left', () =>
    withOther({ T_SYNC_RESPONSE_SECONDS: '1' }, async (hasty) => {
      server.simulator.plan({ kind: 'hang' });
      const request = shot();
      const first = leavable(hasty, request);
      const jobId = await openJobId(server);
      const second = sendTo(server, request);
      await joined(server, jobId);
      first.leave();
      const answer = await second;
      expect([refusal(answer), errorOf(answer).details?.job_id]).toEqual(['504 sync_timeout', jobId]);
    }));
});
