/** A server killed while a service works on a photo: the next one polls the ticket, and nothing is paid for twice. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { POLL_KEY, startPollSimulatorOf } from '../support/poll-service.ts';
import { reapPrograms } from '../support/process.ts';
import { countJobs } from '../support/queue.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await createInstallation({ windowSeconds: 25 });
});
afterEach(() => reapPrograms());
afterAll(() => installation.end());

test('a killed server’s tickets are polled by the next one, and their jobs are not submitted again', async () => {
  const { db, picture } = installation;
  const simulator = await startPollSimulatorOf('fal', { answer: picture });
  const environment = { FAL_BASE_URL: simulator.url, FAL_API_KEY: POLL_KEY };
  await updateSlot(db, 'slot-004', {
    providerId: 'fal',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.' },
    isEnabled: true,
  });
  simulator.setDefault({ kind: 'success', polls: 6 });
  const first = await installation.start(environment);
  const answers = Array.from({ length: 3 }, () => installation.post(first, 'slot-004').catch((error: Error) => error));
  await vi.waitFor(async () => expect(await countJobs(db, 'provider_job_reference is not null')).toBe(3), 10_000);
  await first.end('SIGKILL');
  expect((await Promise.all(answers)).every((answer) => answer instanceof Error)).toBe(true);

  const second = await installation.start(environment);
  await vi.waitFor(async () => expect(await countJobs(db, 'is_finalized and failure_reason is null')).toBe(3), 15_000);
  const jobs = await db.kysely.selectFrom('job').select(['claim_no', 'attempt_no']).execute();
  expect(jobs).toEqual(Array.from({ length: 3 }, () => ({ claim_no: 2, attempt_no: 1 })));
  const counted = simulator.steps.filter(({ step }) => step === 'submit' || step === 'cancel').map(({ step }) => step);
  expect(counted).toEqual(['submit', 'submit', 'submit']);
  expect(await second.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
  await simulator.stop();
});
