import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PollSimulator } from '../../scripts/simulators/poll-simulator.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { openJobDesk } from '../support/jobs.ts';
import { POLL_KEY, POLL_SERVICES, type PollService, startPollSimulatorOf } from '../support/poll-service.ts';
import { readJob } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, expectNothingLeft, openJobId } from '../support/slots.ts';

const SLOT = 'slot-004';

let database: TestDatabase;
let mediaRoot: string;
let photo: Buffer;
let simulator: PollSimulator;

beforeEach(async () => {
  database = await createTestDatabase();
  mediaRoot = await mkdtemp(join(tmpdir(), 'photochanger-media-'));
  photo = await makePhoto();
});
afterEach(async () => {
  await simulator.stop();
  await database.drop();
  await rm(mediaRoot, { recursive: true });
});

async function start(id: PollService, more: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const name = id.toUpperCase();
  const environment = {
    [`${name}_BASE_URL`]: simulator.url,
    [`${name}_API_KEY`]: POLL_KEY,
    T_SYNC_RESPONSE_SECONDS: '12',
    ...more,
  };
  const server = await startTestServer({ database, mediaRoot, environment });
  await updateSlot(server.db, SLOT, {
    providerId: id,
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.', output: { format: 'png' } },
    isEnabled: true,
  });
  return server;
}

const steps = () => simulator.steps.map(({ step }) => step);
const countOf = (step: string) => steps().filter((found) => found === step).length;

describe.each(POLL_SERVICES)('%s', (id) => {
  it('makes a photo a picture within one held request', async () => {
    simulator = await startPollSimulatorOf(id);
    const server = await start(id);
    const answer = await server.post({ photo, slotId: SLOT });
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('photochanger-provider')).toBe(id);
    expect((await sharp(answer.body).metadata()).format).toBe('png');
    expect(countOf('submit')).toBe(1);
    await expectNothingLeft(server);
    await server.stop();
    expect(server.logged.join('')).not.toContain(POLL_KEY);
  });

  it('has its ticket stored before the first poll', async () => {
    simulator = await startPollSimulatorOf(id);
    simulator.setDefault({ kind: 'never' });
    const server = await start(id, { T_SYNC_RESPONSE_SECONDS: '3' });
    const held = server.post({ photo, slotId: SLOT });
    const { jobId } = await simulator.waitForStep('poll');
    const { provider_job_reference: reference } = await readJob(server.db, await openJobId(server));
    expect(JSON.parse(String(reference))).toMatchObject({ id: jobId, pollUrl: expect.stringContaining(simulator.url) });
    expect(refusal(await held)).toBe('504 sync_timeout');
    await expectNothingLeft(server);
    await server.stop();
  });
});

describe('a job that nobody polls any more is cancelled at the service', () => {
  it.each(['replicate', 'fal'] as const)('%s: the window closed', async (id) => {
    simulator = await startPollSimulatorOf(id);
    simulator.setDefault({ kind: 'never' });
    const server = await start(id, { T_SYNC_RESPONSE_SECONDS: '2' });
    expect(refusal(await server.post({ photo, slotId: SLOT }))).toBe('504 sync_timeout');
    const cancelled = await simulator.waitForStep('cancel');
    expect(cancelled.jobId).toBe(simulator.steps.find(({ step }) => step === 'submit')?.jobId);
    await expectNothingLeft(server);
    await server.stop();
    expect(countOf('cancel')).toBe(1);
    expect(countOf('submit')).toBe(1);
  });

  it('an administrator cancelled it', async () => {
    simulator = await startPollSimulatorOf('fal');
    simulator.setDefault({ kind: 'never' });
    const server = await start('fal');
    const held = server.post({ photo, slotId: SLOT });
    await simulator.waitForStep('poll');
    await (await openJobDesk(server)).post(`/jobs/${await openJobId(server)}/cancel`);
    expect(errorOf(await held)).toMatchObject({ code: 'job_cancelled' });
    await simulator.waitForStep('cancel');
    await expectNothingLeft(server);
    await server.stop();
  });
});

describe('a job that another process may go on with', () => {
  it('is neither cancelled nor submitted again: the next start polls its ticket', async () => {
    simulator = await startPollSimulatorOf('replicate');
    simulator.setDefault({ kind: 'success', polls: 4 });
    const first = await start('replicate', { SHUTDOWN_GRACE_SECONDS: '0' });
    const left = first.post({ photo, slotId: SLOT }).then(
      () => 'answered',
      () => 'disconnected',
    );
    const jobId = await openJobId(first);
    await simulator.waitForStep('poll');
    await first.stop();
    expect(await left).toBe('disconnected');
    const polls = countOf('poll');

    const second = await start('replicate');
    await second.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
    expect((await ask(`${second.url}/public/results/${jobId}`)).status).toBe(200);
    expect(countOf('poll')).toBeGreaterThan(polls);
    expect({ submits: countOf('submit'), cancels: countOf('cancel') }).toEqual({ submits: 1, cancels: 0 });
    expect(await readJob(second.db, jobId)).toMatchObject({ claim_no: 2, attempt_no: 1, failure_reason: null });
    await eventually(() => expectNothingLeft(second));
    await second.stop();
  });
});
