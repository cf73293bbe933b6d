import { describe, expect, it } from 'vitest';
import { classifyDocument } from '../../src/providers/openai/classify-document.ts';
import { classifyError } from '../../src/providers/openai/classify-error.ts';
import { collectAnswer } from '../../src/providers/openai/collect-answer.ts';
import { retryHintMs } from '../../src/providers/openai/retry-hint.ts';
import { countingSlabs } from '../support/gemini.ts';

/** Feeds a document in pieces of this many bytes. @returns a copy of the picture, or nothing. */
function pictureOf(text: string, pieceBytes: number): string | undefined {
  const slabs = countingSlabs();
  const answer = collectAnswer(slabs.takeSlab);
  answer.head(200, {});
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) answer.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
  const finished = answer.finish();
  const picture = finished.kind === 'document' ? finished.picture?.bytes.toString() : undefined;
  answer.release();
  expect(slabs.lent()).toBe(0);
  return picture;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const entry = (text: string): string => `{"b64_json":"${base64(text)}"}`;

describe('the picture of an answer', () => {
  it.each([1, 2, 7, 4096])('is the same however the answer is cut: every %i bytes', (pieceBytes) => {
    const words = '"usage":{"input_tokens":1},"revised_prompt":"\\"b64_json\\":\\"AAAA\\""';
    expect(pictureOf(`{"created":1,${words},"data":[ {"b64_json" : "${base64('a picture!')}"} ]}`, pieceBytes)).toBe(
      'a picture!',
    );
  });

  it('is the first that holds anything', () => {
    expect(pictureOf(`{"data":[{"b64_json":""},${entry('first')},${entry('second')}]}`, 50)).toBe('first');
  });

  it('is not found in other places', () => {
    const others = `"b64_json":"${base64('no')}","more":{"data":[${entry('no')}]},"list":[${entry('no')}]`;
    expect(pictureOf(`{${others},"data":[{"nested":${entry('no')}},{"url":"x"},{"b64_json":7}]}`, 50)).toBeUndefined();
  });
});

describe('a document without a picture', () => {
  it('is empty, and tried again', () => {
    for (const document of [{}, { data: [] }, { data: [{}] }, { data: 'x' }])
      expect(classifyDocument(document)).toMatchObject({ kind: 'empty', retryable: true, charged: 'maybe' });
  });

  it('is paid for and not tried again where the picture lies elsewhere', () => {
    const verdict = classifyDocument({ data: [{ url: 'https://example.com/x.png' }] });
    expect(verdict).toMatchObject({ kind: 'bad_answer', retryable: false, charged: 'yes' });
    expect(verdict.words.join()).not.toContain('example.com');
  });
});

describe('the hint how long to wait', () => {
  const NOW = Date.parse('2026-05-16T10:00:00Z');

  it.each<[Record<string, string | string[]>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after-ms': '1250.4' }, 1_251],
    [{ 'retry-after-ms': '1250', 'retry-after': '9' }, 1_250],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after': ['3', '9'] }, 3_000],
    [{ 'retry-after': 'Sat, 16 May 2026 10:00:07 GMT' }, 7_000],
    [{ 'retry-after': 'Sat, 16 May 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': '999999999' }, 86_400_000],
    [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '12s' }, 12_000],
    [{ 'x-ratelimit-remaining-requests': '3', 'x-ratelimit-reset-requests': '12s' }, undefined],
    [{ 'x-ratelimit-remaining-images': '0', 'x-ratelimit-reset-images': '1h2m3.5s' }, 3_723_500],
    [
      {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '120ms',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '6m0s',
      },
      360_000,
    ],
    [{ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': 'tomorrow' }, undefined],
    [{ 'x-ratelimit-remaining-tokens': '0' }, undefined],
  ])('of %j is %s', (headers, expected) => {
    expect(retryHintMs(headers, NOW)).toBe(expected);
  });
});

describe('an error', () => {
  const judge = (status: number, text: string) =>
    classifyError({ kind: 'error', status, headers: { 'retry-after': '2' }, text }, 'gpt-image-2', 0);

  it.each([
    [400, 'billing_hard_limit_reached', { kind: 'throttled', retryable: false, exhausted: true, charged: 'no' }],
    [403, 'billing_not_active', { kind: 'throttled', retryable: false, exhausted: true, charged: 'no' }],
    [400, 'content_policy_violation', { kind: 'refused', retryable: false, charged: 'no' }],
    [500, 'moderation_blocked', { kind: 'refused', retryable: false, charged: 'no' }],
    [429, 'anything', { kind: 'throttled', retryable: true, charged: 'no', retryAfterMs: 2_000 }],
    [409, 'anything', { kind: 'unavailable', retryable: true, charged: 'no', retryAfterMs: 2_000 }],
    [418, 'anything', { kind: 'bad_request', retryable: false, charged: 'no' }],
    [204, 'anything', { kind: 'bad_answer', retryable: false, charged: 'maybe' }],
  ])('%i with the code %s goes by the code before the status', (status, code, expected) => {
    const { words: _, ...verdict } = judge(status, JSON.stringify({ error: { code, message: 'm' } }));
    expect(verdict).toEqual(expected);
  });

  it.each(['', 'null', '[]', '{"error":"words"}', '{"error":{"code":7,"type":null}}', '{'])(
    'that is no document of the service goes by its status: %s',
    (text) => {
      expect(judge(503, text)).toMatchObject({ kind: 'unavailable', retryable: true, charged: 'maybe' });
    },
  );
});
