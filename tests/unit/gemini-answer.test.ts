import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectAnswer } from '../../src/providers/gemini/collect-answer.ts';
import { countingSlabs } from '../support/gemini.ts';

/** Feeds a document in chunks cut at the given places. @returns a copy of the picture, or nothing. */
function pictureOf(text: string, cuts: readonly number[] = []): Buffer | undefined {
  const slabs = countingSlabs();
  const answer = collectAnswer(slabs.takeSlab);
  const bytes = Buffer.from(text);
  answer.head(200, {});
  try {
    const places = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    for (let i = 1; i < places.length; i++) {
      const chunk = Buffer.from(bytes.subarray(places[i - 1], places[i]));
      answer.push(chunk);
      chunk.fill(0xaa);
    }
    const finished = answer.finish();
    expect(slabs.lent()).toBe(finished.kind === 'document' && finished.picture !== undefined ? 1 : 0);
    return finished.kind === 'document' && finished.picture !== undefined
      ? Buffer.from(finished.picture.bytes)
      : undefined;
  } finally {
    answer.release();
    answer.release();
    expect(slabs.lent()).toBe(0);
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const withParts = (...parts: string[]): string =>
  `{"candidates":[{"content":{"parts":[${parts.join(',')}]},"finishReason":"STOP"}]}`;
const imagePart = (words: string, more = ''): string =>
  `{"inlineData":{"mimeType":"image/png","data":"${base64(words)}"}${more}}`;
const everyCut = (text: string): number[] => [...Buffer.from(text).keys()];

/** Writes a string as JSON, with escapes where the random numbers say so. */
function escaped(text: string, seeds: readonly number[]): string {
  const written = [...text].map((character, index) => {
    const seed = seeds[index % seeds.length] ?? 0;
    if (seed % 7 === 0) return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return seed % 3 === 0 && character === '/' ? '\\/' : character;
  });
  return `"${written.join('')}"`;
}

describe('the picture of an answer', () => {
  it('has the same bytes however the answer is cut, spaced, ordered and escaped', () => {
    const space = fc.constantFrom('', ' ', '\n  ', '\t\r\n');
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
        space,
        fc.boolean(),
        fc.boolean(),
        (picture, cuts, seeds, gap, isSnake, isTypeFirst) => {
          const value = escaped(Buffer.from(picture).toString('base64'), seeds);
          const [blobKey, typeKey] = isSnake ? ['inline_data', 'mime_type'] : ['inlineData', 'mimeType'];
          const fields = [`"${typeKey}"${gap}:${gap}"image/jpeg"`, `"data"${gap}:${gap}${value}`];
          const blob = `{${gap}${(isTypeFirst ? fields : fields.reverse()).join(`${gap},${gap}`)}${gap}}`;
          const text = withParts('{"text":"näh \\u00e9\\ud83d\\ude00"}', `{${gap}"${blobKey}"${gap}:${blob}}`);
          expect(pictureOf(text, cuts)?.equals(picture)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is right when every byte comes alone', () => {
    const text = withParts('{"text":"\\"data\\":\\"AAAA\\""}', imagePart('a picture!'));
    expect(pictureOf(text, everyCut(text))?.toString()).toBe('a picture!');
  });

  it('is the last one that is not a thought, wherever the mark stands', () => {
    const drafts = [imagePart('draft', ',"thought":true'), `{"thought":true,${imagePart('draft 2').slice(1)}`];
    expect(pictureOf(withParts(imagePart('first'), imagePart('second'), ...drafts))?.toString()).toBe('second');
    expect(pictureOf(withParts(...drafts, imagePart('only', ',"thought":false')))?.toString()).toBe('only');
    expect(pictureOf(withParts(...drafts))).toBeUndefined();
  });

  it('is not found in texts, other keys or other places', () => {
    const text = withParts(
      `{"text":"{\\"inlineData\\":{\\"data\\":\\"${base64('no')}\\"}}"}`,
      `{"text":"\\\\\\"data\\":\\"x\\""}`,
      '{"fileData":{"data":"bm8="}}',
      '{"inlineData":[{"data":"bm8="}]}',
      '{"inlineData":{"nested":{"data":"bm8="}}}',
      '{"inlineData":{"mimeType":"audio/wav","data":"bm8="}}',
      '{"inlineData":{"mimeType":"image/png","data":""}}',
      '{"inlineData":{"mimeType":"image/png","data":0}}',
    );
    expect(pictureOf(text, everyCut(text))).toBeUndefined();
    expect(pictureOf('{"inlineData":{"data":"bm8="}}')).toBeUndefined();
  });

  it('is found under keys that are themselves escaped', () => {
    expect(pictureOf(withParts(`{"inline\\u0044ata":{"d\\u0061ta":"${base64('yes')}"}}`))?.toString()).toBe('yes');
  });

  it('may be written with line breaks, without padding, or in the URL-safe alphabet', () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 400 }, (_, index) => (index * 37) % 256));
    const lines = bytes.toString('base64').replace(/.{76}/g, '$&\\r\\n');
    for (const written of [lines, bytes.toString('base64url'), bytes.toString('base64').replace(/=+$/, '')]) {
      const text = withParts(`{"inlineData":{"data":"${written}"}}`);
      expect(pictureOf(text)?.equals(bytes)).toBe(true);
      expect(pictureOf(text, everyCut(text))?.equals(bytes)).toBe(true);
    }
  });

  it('grows beyond the first slab without a change', () => {
    const bytes = Buffer.alloc(5_000_000, 'photochanger');
    const text = withParts(`{"inlineData":{"data":"${bytes.toString('base64')}"}}`);
    expect(pictureOf(text, [1_000, 999_999, 3_000_001])?.equals(bytes)).toBe(true);
  });

  it('comes out beside a thought signature of megabytes', () => {
    const text = withParts(imagePart('a picture!', `,"thoughtSignature":"${'Ab\\/'.repeat(500_000)}"`));
    expect(pictureOf(text, [100_000, 200_001])?.toString()).toBe('a picture!');
  });
});

describe('an answer that cannot be used', () => {
  it.each([
    ['HTML', '<!doctype html><p>no</p>', 'not a JSON object'],
    ['a list', '[]', 'not a JSON object'],
    ['two documents', '{} {}', 'not a JSON object'],
    ['a cut document', withParts(imagePart('x')).slice(0, -5), 'not valid JSON'],
    ['a cut picture', '{"candidates":[{"content":{"parts":[{"inlineData":{"data":"AAAA', 'not valid JSON'],
    ['a raw line break in a text', '{"text":"a\nb"}', 'not valid JSON'],
    ['rubbish in the base64', withParts('{"inlineData":{"data":"AA*A"}}'), 'not valid base64'],
    ['a letter that only looks like base64', withParts('{"inlineData":{"data":"AA\\u0141A"}}'), 'not valid base64'],
    ['more after the padding', withParts('{"inlineData":{"data":"QQ==QQ=="}}'), 'not valid base64'],
    ['a single character of base64', withParts('{"inlineData":{"data":"QUJDR"}}'), 'not valid base64'],
    ['a deep nest', `{"a":${'['.repeat(10_000)}`, 'nested deeper'],
    ['a flood of pictures', withParts(...Array<string>(17).fill(imagePart('x'))), 'more than 16 pictures'],
    ['a flood of other things', `{"a":[${'0,'.repeat(600_000)}0]}`, 'besides its pictures'],
  ])('is refused as a whole: %s', (_name, text, message) => {
    expect(() => pictureOf(text)).toThrow(
      expect.objectContaining({ kind: 'bad_answer', message: expect.stringContaining(message) }),
    );
    expect(() => pictureOf(text, [3, 7, 40, 41])).toThrow(message);
  });

  it('is called empty when nothing but space arrived', () => {
    for (const text of ['', ' \n ']) expect(() => pictureOf(text)).toThrow(expect.objectContaining({ kind: 'empty' }));
  });

  it('is given up as too large, and not tried again, when it does not end', () => {
    const slabs = countingSlabs();
    const answer = collectAnswer(slabs.takeSlab);
    answer.head(200, {});
    answer.push(Buffer.from('{"candidates":[{"content":{"parts":[{"inlineData":{"data":"'));
    const piece = Buffer.alloc(4 * 1024 * 1024, 'A');
    expect(() => {
      for (let i = 0; i < 32; i++) answer.push(piece);
    }).toThrow(expect.objectContaining({ kind: 'bad_answer', retryable: false }));
    answer.release();
    expect(slabs.lent()).toBe(0);
  });
});
