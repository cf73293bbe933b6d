/** Answers that come when nobody wants them, and storms of refusals to serve. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GeminiBehaviour } from '../../scripts/simulators/gemini-behaviour.ts';
import { endJob } from '../../src/repositories/job-queue.ts';
import {
  CHAIN_SLOT,
  type ChainServer,
  forgetCircuits,
  giveChain,
  makerOf,
  STUDIO_LINK,
  startChainServer,
} from '../support/chains.ts';
import { gateOf } from '../support/circuits.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { eventually, expectNothingLeft, openJobId } from '../support/slots.ts';

let server: ChainServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startChainServer();
});
beforeEach(async () => {
  await forgetCircuits(server);
  await giveChain(server, [STUDIO_LINK]);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const post = () => server.post({ photo, slotId: CHAIN_SLOT });

/** Posts a photo, lets its call begin, does something to the job, and lets the answer come. */
async function during(act: (jobId: string) => Promise<unknown>) {
  const seen = server.gemini.requests.length;
  server.gemini.plan({ kind: 'success', delayMs: 400 });
  const posted = post();
  const jobId = await openJobId(server);
  await server.gemini.waitForRequest(seen + 1);
  await act(jobId);
  const answer = await posted;
  return { answer, jobId };
}

const rowOf = async (jobId: string) =>
  (
    await server.db.pool.query('select failure_reason, result_file_path, result_provider_id from job where id = $1', [
      jobId,
    ])
  ).rows[0];

describe('an answer that comes', () => {
  it('after its job was cancelled changes nothing and leaves no file', async () => {
    const { answer, jobId } = await during((id) =>
      endJob(server.db, { jobId: id, reason: 'cancelled', message: 'no longer wanted', onlyWaiting: false }),
    );
    expect(refusal(answer)).toBe('503 job_cancelled');
    expect(await rowOf(jobId)).toEqual({
      failure_reason: 'cancelled',
      result_file_path: null,
      result_provider_id: null,
    });
  });

  it('after another worker took the job is dropped: the job has one picture, and it is the other one', async () => {
    const other = randomUUID();
    const { answer, jobId } = await during(async (id) => {
      // a worker that was silent for a lease: its job was given away, and the other one has the last word; at one stroke, because
      // this server would take a waiting job at once
      await server.db.pool.query(
        `begin; update job set status = 'pending', worker_id = null, lease_until = null where id = '${id}';
         select job_claim('gemini', '${other}', 1, 60000, array['${id}'::uuid]);
         select job_fail('${id}', 2, '${other}', 'the other worker has the last word'); commit`,
      );
    });
    expect(refusal(answer)).toBe('502 provider_error');
    expect(await rowOf(jobId)).toMatchObject({ failure_reason: 'provider_error', result_file_path: null });
  });
});

describe('a storm', () => {
  const storm = (behaviour: GeminiBehaviour) => server.gemini.setDefault(behaviour);
  const calm = () => server.gemini.setDefault({ kind: 'success' });
  afterEach(calm);

  it.each([
    ['of 429 without a hint', { kind: 'throttled' }],
    ['of 503', { kind: 'status', status: 503 }],
  ] as const)('%s gives every guest a picture, and soon nobody calls the service any more', async (_, behaviour) => {
    storm(behaviour);
    const seen = server.gemini.requests.length;
    const answers = await Promise.all(Array.from({ length: 12 }, post));
    expect(answers.map(makerOf)).toEqual(Array(12).fill('studio 1'));
    await eventually(async () => expect((await gateOf(server.db, 'gemini')).state).toBe('down'));
    const calls = server.gemini.requests.length;
    // those under way together, and a few retries, before the fifth failure was known
    expect(calls - seen).toBeLessThan(40);
    expect(makerOf(await post())).toBe('studio 1');
    expect(server.gemini.requests.length).toBe(calls);
  });

  it('of 429 with a hint beyond the window sends every photo on, and the hint is kept to', async () => {
    server.gemini.plan({ kind: 'throttled', retryDelaySeconds: 120 });
    expect(makerOf(await post())).toBe('studio 1');
    const calls = server.gemini.requests.length;
    const answers = await Promise.all(Array.from({ length: 6 }, post));
    expect(answers.map(makerOf)).toEqual(Array(6).fill('studio 1'));
    expect(server.gemini.requests.length).toBe(calls);
  });

  it('that is over is noticed by one call, and then the service makes the pictures again', async () => {
    storm({ kind: 'status', status: 503 });
    await Promise.all([post(), post(), post()]);
    calm();
    await server.db.pool.query('update circuit set open_until = clock_timestamp()');
    expect(makerOf(await post())).toBe('gemini own');
    expect(makerOf(await post())).toBe('gemini own');
  });
});
