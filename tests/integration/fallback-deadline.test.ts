import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CHAIN_SLOT,
  type ChainServer,
  callsOf,
  forgetCircuits,
  giveChain,
  makerOf,
  STUDIO_LINK,
  startChainServer,
} from '../support/chains.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { expectNothingLeft } from '../support/slots.ts';

const WINDOW_SECONDS = 8;

let server: ChainServer;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startChainServer({ T_SYNC_RESPONSE_SECONDS: String(WINDOW_SECONDS) });
});
beforeEach(() => forgetCircuits(server));
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

describe('a call that hangs', () => {
  it('leaves time for the studio: the guest gets a picture before the window closes', async () => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls: 'never' });
    server.gemini.plan({ kind: 'hang' });
    const startedAt = performance.now();
    const answer = await server.post({ photo, slotId: CHAIN_SLOT });
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'studio 1']);
    expect(performance.now() - startedAt).toBeLessThan(WINDOW_SECONDS * 1_000);
    expect(await callsOf(server, answer)).toEqual(['gemini unavailable', 'studio image']);
  });

  it('is a 504 where the slot has no chain', async () => {
    await giveChain(server, []);
    server.gemini.plan({ kind: 'hang' });
    expect(refusal(await server.post({ photo, slotId: CHAIN_SLOT }))).toBe('504 sync_timeout');
  });
});

describe('a job whose worker was lost in the middle of a call', () => {
  it('is not sent to the same provider again where the slot repeats nothing that may be charged', async () => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls: 'never' });
    server.gemini.plan({ kind: 'hang' });
    const calls = server.gemini.requests.length;
    const post = server.post({ photo, slotId: CHAIN_SLOT });
    await expect.poll(() => server.gemini.requests.length).toBe(calls + 1);
    // what the sweep does when the lease of a dead worker has run out
    await server.db.pool.query(
      `update job set status = 'pending', worker_id = null, lease_until = null where not is_finalized`,
    );
    const answer = await post;
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'studio 1']);
    expect(server.gemini.requests.length).toBe(calls + 1);
  });

  it('is sent there again where the slot repeats what may have been charged', async () => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls: 'always' });
    server.gemini.plan({ kind: 'hang' });
    const calls = server.gemini.requests.length;
    const post = server.post({ photo, slotId: CHAIN_SLOT });
    await expect.poll(() => server.gemini.requests.length).toBe(calls + 1);
    await server.db.pool.query(
      `update job set status = 'pending', worker_id = null, lease_until = null where not is_finalized`,
    );
    const answer = await post;
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'gemini own']);
  });
});
