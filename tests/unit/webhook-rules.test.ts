import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanAnswer, nextTryMs } from '../../src/domain/webhooks.ts';
import { signEvent } from '../../src/services/webhook/sign-event.ts';
import { makeWebhookSecret } from '../../src/services/webhook/webhook-secret.ts';

const HOUR_MS = 3_600_000;
const next = (elapsedMs: number, hintMs?: number, random = 0.5) => nextTryMs({ elapsedMs, hintMs, random });

describe('a try that failed', () => {
  it('is followed by others after 5 s, three times as long each, then every 6 h, the last one after 24 h', () => {
    const triesAt: number[] = [];
    let at = 0;
    for (let wait = next(0); wait !== undefined; wait = next(at)) {
      at += wait;
      triesAt.push(at);
    }
    expect(triesAt.map((at) => Math.round(at / 1000))).toEqual([
      5, 20, 80, 320, 1_280, 5_120, 20_480, 42_080, 63_680, 85_280, 86_400,
    ]);
  });

  it('is the last one from 24 h on', () => {
    expect(next(24 * HOUR_MS - 1)).toBe(1);
    expect(next(24 * HOUR_MS)).toBeUndefined();
    expect(next(24 * HOUR_MS, 60_000)).toBeUndefined();
  });

  it('is not followed sooner than the receiver asks, nor later than 24 h after the first', () => {
    expect(next(0, 90_000)).toBe(90_000);
    expect(next(0, 1_000)).toBe(5_000);
    expect(next(HOUR_MS, 48 * HOUR_MS)).toBe(23 * HOUR_MS);
  });

  it('is followed a fifth sooner or later, so that many do not march in step', () => {
    expect([0, 0.25, 0.999_999].map((random) => next(100_000, undefined, random))).toEqual([240_000, 270_000, 360_000]);
  });

  it('is followed within the bounds, whatever the figures', () => {
    const figures = fc.tuple(
      fc.integer({ min: 0, max: 24 * HOUR_MS - 1 }),
      fc.option(fc.integer({ min: 0, max: 24 * HOUR_MS }), { nil: undefined }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    );
    fc.assert(
      fc.property(figures, ([elapsedMs, hintMs, random]) => {
        const waitMs = next(elapsedMs, hintMs, random) as number;
        expect(Number.isInteger(waitMs)).toBe(true);
        expect(waitMs).toBeGreaterThan(0);
        expect(elapsedMs + waitMs).toBeLessThanOrEqual(24 * HOUR_MS);
      }),
    );
  });
});

describe('the words of a receiver', () => {
  it.each([
    ['control characters and line breaks', 'a\r\n\u0000\u001b[31mb\u0085c', 'a [31mb c'],
    ['invisible and direction-changing characters', 'a\u202egnp.exe\u200b\u2066b\ufeff', 'a gnp.exe b'],
    ['halves of characters', 'a\ud800b', 'a b'],
    ['nothing but blanks', ' \t\u2003\n', ''],
    ['words of any language', 'Ошибка: 写真 🙂', 'Ошибка: 写真 🙂'],
  ])('are shown without %s', (_, text, shown) => {
    expect(cleanAnswer(text)).toBe(shown);
  });

  it('are cut after 200 characters, never inside of one', () => {
    expect(cleanAnswer('🙂'.repeat(5_000))).toBe('🙂'.repeat(200));
  });

  it('are one well-formed line of at most 200 characters, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 400 }), (codes) => {
        const shown = cleanAnswer(String.fromCharCode(...codes));
        expect(shown.isWellFormed()).toBe(true);
        expect([...shown].length).toBeLessThanOrEqual(200);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe('a signature', () => {
  it('is the one that the libraries of Standard Webhooks compute', () => {
    const event = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampSeconds: 1_614_265_330,
      body: Buffer.from('{"test": 2432232314}'),
    };
    expect(signEvent(event, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is made with each secret, the current one first', () => {
    const event = { id: 'a', timestampSeconds: 1, body: Buffer.from('{}') };
    const [one, other] = [makeWebhookSecret(), makeWebhookSecret()];
    const alone = (secret: string) => signEvent(event, [secret])['webhook-signature'];
    expect(signEvent(event, [one, other])['webhook-signature']).toBe(`${alone(one)} ${alone(other)}`);
    expect(alone(one)).not.toBe(alone(other));
  });

  it('differs with the id, the time and each byte of the body', () => {
    const secret = makeWebhookSecret();
    const sign = (id: string, timestampSeconds: number, body: string) =>
      signEvent({ id, timestampSeconds, body: Buffer.from(body) }, [secret])['webhook-signature'];
    const signatures = [sign('a', 1, '{}'), sign('b', 1, '{}'), sign('a', 2, '{}'), sign('a', 1, '{} ')];
    expect(new Set(signatures).size).toBe(4);
  });
});

describe('a secret', () => {
  it('has 32 random bytes behind whsec_', () => {
    const secrets = Array.from({ length: 20 }, makeWebhookSecret);
    expect(new Set(secrets).size).toBe(20);
    for (const secret of secrets) expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
  });
});
