import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import {
  countRows,
  eventually,
  expectNothingLeft,
  GEMINI_KEY,
  GEMINI_SLOT,
  type GeminiServer,
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
