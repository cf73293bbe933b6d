import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, openJobId, startGeminiServer } from '../support/slots.ts';
import { startTestWorker, type TestWorker } from '../support/test-worker.ts';

const WINDOW_SECONDS = 3;
const SLOW_CALL_MS = 800;
/** The window less its reserve of a tenth, less one slow call. */
const FIRST_CALL_MS_MAX = WINDOW_SECONDS * 900 - SLOW_CALL_MS;

let server: GeminiServer;
let tested: TestWorker;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({ environment: { ROLE: 'api', T_SYNC_RESPONSE_SECONDS: String(WINDOW_SECONDS) } });
  tested = startTestWorker(server, { slowCallMs: SLOW_CALL_MS });
});
afterEach(() => expectNothingLeft(server));
afterAll(async () => {
  await tested.stop();
  await server.stop();
});

describe('a call that hangs', () => {
  it('is given up while there is room for another one, and the station gets its picture from that', async () => {
    server.simulator.plan({ kind: 'hang' }, { kind: 'success' });
    const post = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    tested.worker.poke('gemini');
    const answer = await post;
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('x-job-id')).toBe(jobId);

    const [first, second] = server.simulator.requests;
    expect(first?.outcome).toBe('client_aborted');
    expect(second?.outcome).toBe('answered');
    const events = await listProcessingLog(server.db, jobId);
    const givenUp = events.find(({ details }) => details?.['attempt_no'] === 1 && details['outcome'] !== undefined);
    expect(givenUp).toMatchObject({
      status: 'provider_responded',
      message: expect.stringMatching(/^no answer within 1\.\d s$/),
      details: { outcome: 'unavailable', charged: 'maybe' },
    });
    expect(givenUp?.providerLatencyMs).toBeGreaterThan(SLOW_CALL_MS);
    expect(givenUp?.providerLatencyMs).toBeLessThan(FIRST_CALL_MS_MAX + 100);
  });
});
