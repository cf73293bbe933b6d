import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GeminiBehaviour } from '../../scripts/simulators/gemini-behaviour.ts';
import type { StationAnswer } from '../../scripts/station.ts';
import {
  CHAIN_SLOT,
  type ChainServer,
  callsOf,
  forgetCircuits,
  giveChain,
  makerOf,
  OPENAI_LINK,
  STUDIO_LINK,
  startChainServer,
} from '../support/chains.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { expectNothingLeft } from '../support/slots.ts';

const NO_IMAGE: GeminiBehaviour = { kind: 'no_image' };
const CUT_OFF: GeminiBehaviour = { kind: 'truncated_image' };

let server: ChainServer;
let photo: Buffer;
let seen: number;

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 600, heightPx: 400 });
  server = await startChainServer();
});
beforeEach(async () => {
  seen = server.gemini.requests.length;
  await forgetCircuits(server);
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const post = (...behaviours: GeminiBehaviour[]): Promise<StationAnswer> => {
  server.gemini.plan(...behaviours);
  return server.post({ photo, slotId: CHAIN_SLOT });
};
const geminiCalls = () => server.gemini.requests.length - seen;

describe("a slot's chain", () => {
  it("is not begun while the slot's own provider makes the picture", async () => {
    await giveChain(server, [OPENAI_LINK, STUDIO_LINK]);
    const answer = await post(NO_IMAGE);
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'gemini own']);
    expect(await callsOf(server, answer)).toEqual(['gemini empty', 'gemini image']);
  });

  it('goes on to the next provider at once after a refusal, which no second call changes', async () => {
    await giveChain(server, [OPENAI_LINK, STUDIO_LINK]);
    const answer = await post({ kind: 'safety_block' });
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'openai 1']);
    expect(await callsOf(server, answer)).toEqual(['gemini refused', 'openai image']);
  });

  it('goes on when every attempt failed', async () => {
    await giveChain(server, [STUDIO_LINK]);
    const answer = await post(...Array.from({ length: 5 }, () => ({ kind: 'status', status: 503 }) as const));
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'studio 1']);
    expect(await callsOf(server, answer)).toEqual([...Array(5).fill('gemini unavailable'), 'studio image']);
  });

  it('ends with the studio when every service refuses, and the picture is finished as the slot wishes', async () => {
    const settings = { prompt: 'Make it a comic.', output: { format: 'webp', max_side_px: 256 } };
    await giveChain(server, [OPENAI_LINK, STUDIO_LINK], { settings });
    server.openai.plan({ kind: 'moderation_blocked' });
    const answer = await post({ kind: 'finish', reason: 'SAFETY' });
    expect([refusal(answer), makerOf(answer)]).toEqual(['200', 'studio 2']);
    const { format, width, height } = await sharp(answer.body).metadata();
    expect([format, Math.max(width, height)]).toEqual(['webp', 256]);
  });

  it('passes over a provider that has no key', async () => {
    await giveChain(server, [{ ...OPENAI_LINK, providerId: 'fal' }, STUDIO_LINK]);
    const answer = await post({ kind: 'safety_block' });
    expect(makerOf(answer)).toBe('studio 1');
  });

  it("is begun at the next link where the slot's own provider has lost its key", async () => {
    await giveChain(server, [STUDIO_LINK], { providerId: 'fal', settings: { prompt: 'Make it a comic.' } });
    expect(makerOf(await post())).toBe('studio 1');
    expect(geminiCalls()).toBe(0);
  });

  it('is told in the events and in the row', async () => {
    await giveChain(server, [OPENAI_LINK]);
    const answer = await post({ kind: 'safety_block' });
    const jobId = answer.headers.get('x-job-id');
    const { rows } = await server.db.pool.query(
      `select j.provider_id, j.result_provider_id, j.link_no, j.attempt_no,
        (select array_agg(c.provider_id || ' ' || c.outcome || ' ' || c.charged order by c.attempt_no) from provider_call c where c.job_id = j.id) as calls
       from job j where id = $1`,
      [jobId],
    );
    expect(rows).toEqual([
      {
        provider_id: 'openai',
        result_provider_id: 'openai',
        link_no: 1,
        attempt_no: 2,
        calls: ['gemini refused maybe', 'openai image yes'],
      },
    ]);
  });

  it('that is empty ends as before, with the reason', async () => {
    await giveChain(server, []);
    const answer = await post({ kind: 'safety_block' });
    expect(refusal(answer)).toBe('502 provider_error');
  });
});

describe('a provider that is down', () => {
  it('is not called again: photos go to the next link at once', async () => {
    await giveChain(server, [STUDIO_LINK]);
    await post(...Array.from({ length: 5 }, () => ({ kind: 'status', status: 503 }) as const));
    const before = server.gemini.requests.length;
    const answers = await Promise.all([post(), post(), post()]);
    expect(answers.map(makerOf)).toEqual(['studio 1', 'studio 1', 'studio 1']);
    expect(server.gemini.requests.length).toBe(before);
  });

  it('gives a photo that nothing else can make a 503 at once when it stays down', async () => {
    await giveChain(server, []);
    await server.db.pool.query(`insert into circuit (provider_id, key_id, failures, open_until, reason)
      select 'gemini', key_id, 5, clock_timestamp() + interval '60 seconds', 'down' from lane where provider_id = 'gemini'`);
    const answer = await post();
    expect(refusal(answer)).toBe('503 provider_unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(geminiCalls()).toBe(0);
  });

  it('whose key is refused is not asked with that key again', async () => {
    await giveChain(server, [STUDIO_LINK]);
    expect(makerOf(await post({ kind: 'bad_key' }))).toBe('studio 1');
    expect(makerOf(await post())).toBe('studio 1');
    expect(geminiCalls()).toBe(1);
  });

  it("whose day's quota is used up is not asked again", async () => {
    await giveChain(server, [STUDIO_LINK]);
    expect(makerOf(await post({ kind: 'throttled', perDay: true }))).toBe('studio 1');
    expect(makerOf(await post())).toBe('studio 1');
    expect(geminiCalls()).toBe(1);
  });
});

describe('a call that was charged', () => {
  it('is not made again at the same provider, but the next link is called', async () => {
    await giveChain(server, [{ ...OPENAI_LINK, providerId: 'gemini' }, STUDIO_LINK]);
    const answer = await post(CUT_OFF);
    expect(makerOf(answer)).toBe('studio 2');
    expect(geminiCalls()).toBe(1);
  });

  it('is made again where the slot says always', async () => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls: 'always' });
    const answer = await post(CUT_OFF);
    expect([makerOf(answer), geminiCalls()]).toEqual(['gemini own', 2]);
  });

  it.each([
    ['never', 'studio 1', 1],
    ['when_uncertain', 'gemini own', 2],
    ['always', 'gemini own', 2],
  ] as const)('perhaps is made again as the slot says: %s', async (repeatPaidCalls, maker, calls) => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls });
    const answer = await post({ kind: 'cut', afterBytes: 0 });
    expect([makerOf(answer), geminiCalls()]).toEqual([maker, calls]);
  });

  it('does not stop a repetition of one that was not', async () => {
    await giveChain(server, [STUDIO_LINK], { repeatPaidCalls: 'never' });
    expect([makerOf(await post({ kind: 'throttled', retryDelaySeconds: 0.1 })), geminiCalls()]).toEqual([
      'gemini own',
      2,
    ]);
  });
});

describe('a budget of the day', () => {
  const price = (value: number) =>
    server.db.pool.query(
      `insert into platform_setting (key, value, updated_by) values ('pricing', $1, 'serg') on conflict (key) do update set value = excluded.value`,
      [JSON.stringify({ currency: 'EUR', prices: [{ provider_id: 'gemini', model: '*', price: value }] })],
    );
  afterEach(() =>
    server.db.pool.query(`delete from platform_setting where key = 'pricing'; delete from provider_call`),
  );

  it('that is used up leaves photos to links that cost nothing', async () => {
    await price(0.04);
    await giveChain(server, [STUDIO_LINK], { dailyBudget: 0.05 });
    expect([makerOf(await post()), makerOf(await post())]).toEqual(['gemini own', 'studio 1']);
  });

  it('that is used up refuses photos where the slot is to stop', async () => {
    await price(0.04);
    await giveChain(server, [STUDIO_LINK], { dailyBudget: 0.05, overBudget: 'stop' });
    expect(makerOf(await post())).toBe('gemini own');
    const refused = await post();
    expect(refusal(refused)).toBe('503 budget_exhausted');
    expect(errorOf(refused).message).toContain('budget');
  });
});
