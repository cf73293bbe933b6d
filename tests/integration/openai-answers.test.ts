import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { OpenAiBehaviour } from '../../scripts/simulators/openai.ts';
import { createOpenAiProvider } from '../../src/providers/openai/openai-provider.ts';
import { contextOf, editInput, failureOf, pictureOf } from '../support/gemini.ts';
import { OPENAI_KEY, useOpenAi } from '../support/openai.ts';

const bench = useOpenAi();

const REFUSED = { kind: 'refused', retryable: false, charged: 'no' };
const BAD_REQUEST = { kind: 'bad_request', retryable: false, charged: 'no' };
const UNAVAILABLE = { kind: 'unavailable', retryable: true, charged: 'maybe' };
const BAD_ANSWER = { kind: 'bad_answer', retryable: true, charged: 'maybe' };
const EMPTY = { kind: 'empty', retryable: true, charged: 'maybe' };
const EXHAUSTED = { kind: 'throttled', retryable: false, exhausted: true, charged: 'no' };

describe('an answer with status 200 and without a picture', () => {
  it.each<[OpenAiBehaviour, object]>([
    [{ kind: 'no_image' }, { ...EMPTY, reason: 'the answer has no picture' }],
    [{ kind: 'empty_body' }, { ...EMPTY, reason: 'the answer is empty' }],
    [{ kind: 'picture_address' }, { kind: 'bad_answer', retryable: false, charged: 'yes' }],
    [{ kind: 'html' }, { ...BAD_ANSWER, reason: 'the answer is not a JSON object' }],
    [{ kind: 'garbage_json' }, BAD_ANSWER],
    [{ kind: 'truncated_json' }, BAD_ANSWER],
    [{ kind: 'endless' }, { ...BAD_ANSWER, retryable: false }],
  ])('%j is told apart', async (behaviour, expected) => {
    bench.simulator.plan(behaviour);
    expect(failureOf(await bench.submit())).toMatchObject(expected);
    await bench.simulator.waitForRequest(1, 'ended');
  });
});

describe('an error', () => {
  it.each<[OpenAiBehaviour, object]>([
    [{ kind: 'bad_key' }, { kind: 'invalid_key', retryable: false, charged: 'no' }],
    [{ kind: 'bad_request' }, { ...BAD_REQUEST, reason: "HTTP 400 invalid_value: Invalid value: 'x'." }],
    [{ kind: 'status', status: 403, code: 'unsupported_country_region_territory' }, BAD_REQUEST],
    [{ kind: 'status', status: 413, early: true }, BAD_REQUEST],
    [
      { kind: 'status', status: 409 },
      { ...UNAVAILABLE, charged: 'no' },
    ],
    [{ kind: 'status', status: 500 }, UNAVAILABLE],
    [
      { kind: 'status', status: 502 },
      { ...UNAVAILABLE, reason: 'HTTP 502 server_error: Bad gateway' },
    ],
    [{ kind: 'status', status: 503 }, UNAVAILABLE],
    [{ kind: 'status', status: 504 }, UNAVAILABLE],
    [
      { kind: 'status', status: 302 },
      { kind: 'bad_answer', retryable: false },
    ],
    [{ kind: 'cut', afterBytes: 0 }, UNAVAILABLE],
    [{ kind: 'cut', afterBytes: 400 }, UNAVAILABLE],
  ])('%j is told apart', async (behaviour, expected) => {
    bench.simulator.plan(behaviour);
    expect(failureOf(await bench.submit())).toMatchObject(expected);
  });

  it('of a model that is gone says so', async () => {
    const failure = failureOf(await bench.submit({ model: 'dall-e-2' }));
    expect(failure).toMatchObject(BAD_REQUEST);
    expect(failure.reason).toMatch(/^HTTP 404 model_not_found: the model "dall-e-2" is unknown, was retired, or/);
  });

  it.each<[OpenAiBehaviour, string]>([
    [{ kind: 'moderation_blocked' }, 'HTTP 400 moderation_blocked input sexual: Your request was rejected'],
    [
      { kind: 'moderation_blocked', stage: 'output', categories: ['violence', 'self-harm'] },
      'HTTP 400 moderation_blocked output violence self-harm: ',
    ],
    [{ kind: 'moderation_blocked', code: 'content_policy_violation' }, 'HTTP 400 content_policy_violation input'],
  ])('of moderation is a refusal, told with what was objected to: %j', async (behaviour, reason) => {
    bench.simulator.plan(behaviour);
    const failure = failureOf(await bench.submit());
    expect(failure).toMatchObject(REFUSED);
    expect(failure.reason).toContain(reason);
  });

  it.each<[Omit<Extract<OpenAiBehaviour, { kind: 'throttled' }>, 'kind'>, object]>([
    [{}, {}],
    [{ retryAfter: '8' }, { retryAfterMs: 8_000 }],
    [{ retryAfter: '8', retryAfterMs: '7250' }, { retryAfterMs: 7_250 }],
    [{ retryAfter: 'Thu, 01 Jan 2026 00:00:00 GMT' }, { retryAfterMs: 0 }],
    [{ reset: '12s' }, { retryAfterMs: 12_000 }],
    [{ limit: 'images', reset: '1m30s' }, { retryAfterMs: 90_000 }],
    [{ limit: 'tokens', reset: '120ms', retryAfter: 'soon' }, { retryAfterMs: 120 }],
  ])('429 of a limit is tried again, with its hint: %j', async (behaviour, hint) => {
    bench.simulator.plan({ kind: 'throttled', ...behaviour });
    const { reason, ...failure } = failureOf(await bench.submit());
    expect(failure).toEqual({ kind: 'throttled', retryable: true, charged: 'no', ...hint });
    expect(reason).toContain('rate_limit_exceeded: Rate limit reached for gpt-image-2');
  });

  it.each<OpenAiBehaviour>([
    { kind: 'insufficient_quota' },
    { kind: 'insufficient_quota', code: 'billing_hard_limit_reached', status: 400 },
  ])('of an empty purse is exhausted, and not tried again: %j', async (behaviour) => {
    bench.simulator.plan(behaviour);
    const { reason, ...failure } = failureOf(await bench.submit());
    expect(failure).toEqual(EXHAUSTED);
    expect(reason).toContain('You exceeded your current quota');
  });

  it('is unavailable and not charged where nobody listens', async () => {
    await bench.simulator.stop();
    const failure = failureOf(await bench.submit());
    expect(failure).toMatchObject({ ...UNAVAILABLE, charged: 'no', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('is not charged when the connection broke before the whole request was sent', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const adapter = createOpenAiProvider({ baseUrl, apiKey: () => 'k', takeSlab: bench.slabs.takeSlab });
    const outcome = await adapter.submit(editInput(await bench.folder.bigPhoto(15_000_000)), contextOf());
    expect(failureOf(outcome)).toMatchObject({ ...UNAVAILABLE, charged: 'no' });
    await adapter.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the key', () => {
  it('travels in its header only and is never repeated, not even as the service masks it', async () => {
    const behaviours: OpenAiBehaviour[] = [
      { kind: 'status', status: 403, message: `Key ${OPENAI_KEY} has leaked. ${'x'.repeat(440)}${OPENAI_KEY}` },
      { kind: 'status', status: 500, message: `sk-AnotherKey0123456789 and ${OPENAI_KEY}` },
      { kind: 'bad_key' },
    ];
    bench.simulator.plan(...behaviours);
    for (const _ of behaviours) {
      const { reason } = failureOf(await bench.submit());
      expect(reason).not.toMatch(/sk-|WXYZ|6789/);
      expect(reason.length).toBeLessThanOrEqual(500);
    }
    bench.apiKey = 'other-shape-0123456789';
    const { kind, reason } = failureOf(await bench.submit());
    expect({ kind, reason }).toMatchObject({
      kind: 'invalid_key',
      reason: expect.stringContaining('provided: ***. You'),
    });
    for (const request of bench.simulator.requests) expect(JSON.stringify(request)).not.toContain(OPENAI_KEY);
  });

  it('is asked for at every call', async () => {
    pictureOf(await bench.submit());
    bench.simulator.setApiKey('rotated');
    expect(failureOf(await bench.submit())).toMatchObject({ kind: 'invalid_key', retryable: false, charged: 'no' });
    bench.apiKey = 'rotated';
    pictureOf(await bench.submit());
    bench.apiKey = undefined;
    expect(bench.provider.isConfigured()).toBe(false);
    expect(failureOf(await bench.submit())).toMatchObject({ kind: 'invalid_key', reason: 'no API key is set' });
    expect(bench.simulator.requests).toHaveLength(3);
  });

  it('that cannot be a header is refused without being repeated', async () => {
    for (const key of ['a\r\nx-evil: 1', 'ключ', 'a b']) {
      bench.apiKey = key;
      const failure = failureOf(await bench.submit());
      expect(failure).toMatchObject({ kind: 'invalid_key', charged: 'no' });
      expect(failure.reason).not.toContain(key);
    }
    expect(bench.simulator.requests).toEqual([]);
  });
});
