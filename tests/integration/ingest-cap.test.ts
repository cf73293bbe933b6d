import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { endJob } from '../../src/repositories/job-queue.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';

const OPEN_MAX = 10;
const STATIONS = 200;

let server: GeminiServer;

beforeAll(async () => {
  server = await startGeminiServer({
    environment: { QUEUE_MAX_IN_FLIGHT_JOBS: String(OPEN_MAX), T_SYNC_RESPONSE_SECONDS: '18' },
  });
});
afterAll(() => server.stop());

it('of 200 photos at once exactly as many are taken as there are places; the others leave nothing, the taken get their pictures', async () => {
  const photo = await makePhoto();
  server.simulator.setDefault({ kind: 'hang' });
  const refused: string[] = [];
  const posts = Array.from({ length: STATIONS }, async () => {
    const answer = await server.post({ photo, slotId: GEMINI_SLOT });
    if (answer.status !== 200) refused.push(`${refusal(answer)}, retry after ${answer.headers.get('retry-after')} s`);
    return answer;
  });
  await server.simulator.waitForRequest(OPEN_MAX);
  await eventually(() => expect(refused).toHaveLength(STATIONS - OPEN_MAX));
  expect(new Set(refused)).toEqual(new Set(['429 queue_busy, retry after 2 s']));
  expect(await countRows(server)).toBe(OPEN_MAX);
  expect(await server.files()).toHaveLength(OPEN_MAX);

  // the service comes back at the same address: whoever was waiting is served by the retry
  await server.simulator.stop();
  const recovered = await startGeminiSimulator({ port: server.simulator.port, apiKey: GEMINI_KEY });
  const answers = await Promise.all(posts);
  await recovered.stop();
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(OPEN_MAX);
  expect(server.simulator.requests).toHaveLength(OPEN_MAX);
  await expectNothingLeft(server);
});

it.each([
  ['a slot', 'slot', `update admission set open_max = 1 where scope = '${GEMINI_SLOT}'`],
  ['a provider', 'provider', `update lane set open_max = 1 where provider_id = 'gemini'`],
])(
  'the limit of %s holds beside that of all: 429 says which one, and others are not held up',
  async (_, scope, limit) => {
    const photo = await makePhoto();
    const limited = await startGeminiServer();
    await limited.db.pool.query(limit);
    limited.simulator.plan({ kind: 'hang' });
    const held = limited.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(limited);
    const answer = await limited.post({ photo, slotId: GEMINI_SLOT });
    expect(refusal(answer)).toBe('429 queue_busy');
    expect(errorOf(answer).details).toEqual({ scope });
    expect(refusal(await limited.post({ photo, slotId: 'slot-001' }))).toBe('200');
    await endJob(limited.db, { jobId, reason: 'cancelled', message: 'an operator cancelled it', onlyWaiting: false });
    expect(refusal(await held)).toBe('503 job_cancelled');
    expect(refusal(await limited.post({ photo, slotId: GEMINI_SLOT }))).toBe('200');
    await expectNothingLeft(limited);
    await limited.stop();
  },
);
