import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startTurbotextSimulator, type TurbotextSimulator } from '../../scripts/simulators/turbotext.ts';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { finishResult } from '../../src/media/finish-result.ts';
import { createSlabPool } from '../../src/media/slabs.ts';
import { stripPicture } from '../../src/media/strip-picture.ts';
import { createRegistry } from '../../src/providers/registry.ts';
import { createTurbotextProvider } from '../../src/providers/turbotext/turbotext-provider.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { createHeldRequests } from '../../src/services/job/held-requests.ts';
import { publishPicture } from '../../src/services/media/publish-picture.ts';
import { createWorker } from '../../src/worker/worker.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { endLease, LEASE_MS, RETENTION_HOURS, readJob } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft, openJobId } from '../support/slots.ts';
import { setUpSlot, TURBOTEXT_KEY, TURBOTEXT_SLOT, turbotextEnvironment } from '../support/turbotext.ts';

let simulator: TurbotextSimulator;
let server: TestServer;
let photo: Buffer;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  photo = await makePhoto();
  simulator = await startTurbotextSimulator({ apiKey: TURBOTEXT_KEY });
  server = await startTestServer({
    environment: { ...turbotextEnvironment(simulator), ROLE: 'api', LEASE_SECONDS: '2' },
  });
  await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await expectNothingLeft(server);
});
afterAll(async () => {
  await server.stop();
  await simulator.stop();
});

/** A worker beside the server, which has none. It renews no lease by itself: to the database it may be as good as dead. */
function startWorker() {
  const { takeSlab } = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * 2 ** 20 });
  const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
  const options = { baseUrl: simulator.url, apiKey: () => TURBOTEXT_KEY, takeSlab, pollIntervalMs: 20 };
  const turbotext = createTurbotextProvider(options);
  const publishing = { db: server.db, store, stripPicture, publicBaseUrl: () => server.url, imagePixelsMax: 1e8 };
  const worker = createWorker({
    db: server.db,
    store,
    finishResult,
    publishPicture: (jobId, image) => publishPicture(publishing, jobId, image),
    providers: createRegistry([turbotext]),
    held: createHeldRequests(),
    log: createLog('silent'),
    options: {
      workerId: randomUUID(),
      concurrency: 2,
      leaseMs: LEASE_MS,
      imagePixelsMax: 1e8,
      retentionHours: RETENTION_HOURS,
    },
  });
  worker.start();
  ends.push(async () => {
    await worker.stopClaiming();
    await worker.giveBack();
    await turbotext.close();
  });
  return worker;
}

it('a job whose worker died is only asked for by the next one: one job is paid for, and the station gets its picture', async () => {
  simulator.plan({ kind: 'poll_fault', fault: 'hang' });
  const held = server.post({ photo, slotId: TURBOTEXT_SLOT });
  const jobId = await openJobId(server);
  startWorker().poke('turbotext');
  await simulator.waitForStep('poll');
  const { provider_job_reference: ticket } = await readJob(server.db, jobId);
  await endLease(server.db, jobId);
  await eventually(async () => expect((await readJob(server.db, jobId)).status).toBe('pending'));
  startWorker().poke('turbotext');
  expect(refusal(await held)).toBe('200');
  expect(await readJob(server.db, jobId)).toMatchObject({ claim_no: 2, provider_job_reference: ticket });
  expect(simulator.jobs).toHaveLength(1);
  expect(simulator.steps.map(({ step }) => step)).toEqual(['submit', 'poll', 'poll', 'picture']);
  const { rows } = await server.db.pool.query('select id from media_object where job_id = $1', [jobId]);
  expect(rows).toHaveLength(1);
});

it('a paid job that is not done in time is not submitted again, and its window ends as a timeout', async () => {
  const before = simulator.jobs.length;
  simulator.plan({ kind: 'never' });
  const held = server.post({ photo, slotId: TURBOTEXT_SLOT });
  const jobId = await openJobId(server);
  startWorker().poke('turbotext');
  expect(refusal(await held)).toBe('504 sync_timeout');
  expect(simulator.jobs).toHaveLength(before + 1);
  const events = await listProcessingLog(server.db, jobId);
  expect(events.filter(({ status }) => status === 'dispatched')).toHaveLength(1);
  expect(events.find(({ status }) => status === 'provider_responded')?.details).toMatchObject({ charged: 'yes' });
});
