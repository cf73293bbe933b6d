import { createHash } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, errorOf, refusal } from '../support/http.ts';
import {
  exifBlock,
  exifSegment,
  heicPhoto,
  jpegClaim,
  jpegSegment,
  makeAnimation,
  makePhoto,
  PNG_START,
  pngChunk,
  pngClaim,
  pngHeader,
  withChunks,
  withSegments,
  withTail,
} from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { countRows, expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

const MEGABYTE = 2 ** 20;
const SCRIPT = '<script>alert(1)</script>';

let server: GeminiServer;
let photo: Buffer;
let rowsBefore: number;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer();
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const post = (bytes: Buffer, { slotId = 'slot-001', fileName = 'IMG_0003.JPG', type = '' } = {}) =>
  postForm(server, [PASSWORD_PART, photoPart(bytes, fileName, type)], `/ingest/${slotId}`);

/** A flat grey PNG of 256 million pixels in some 250 kB: the same packed megabyte of zeros, again and again. */
function flatPng(): Buffer {
  const side = 16_000;
  const sizeBytes = side * (side + 1);
  const megabyte = deflateRawSync(Buffer.alloc(MEGABYTE), { finishFlush: constants.Z_FULL_FLUSH });
  const rest = deflateRawSync(Buffer.alloc(sizeBytes % MEGABYTE));
  const adler32 = Buffer.alloc(4);
  adler32.writeUInt32BE((((sizeBytes % 65_521) << 16) | 1) >>> 0);
  const repeated = Array.from({ length: Math.floor(sizeBytes / MEGABYTE) }, () => megabyte);
  const packed = Buffer.concat([Buffer.from([0x78, 0x01]), ...repeated, rest, adler32]);
  return Buffer.concat([PNG_START, pngHeader(side, side), pngChunk('IDAT', packed), pngChunk('IEND')]);
}

describe('a picture that would cost too much is refused by its header', () => {
  it.each<[string, () => Buffer]>([
    ['a flat PNG of 16,000 × 16,000 that is whole', flatPng],
    ['the same, turned by a tag', () => withChunks(flatPng(), pngChunk('eXIf', exifBlock({ orientation: 6 })))],
    ['a header that claims 65,535² over a tiny body', () => withTail(jpegClaim(65_535, 65_535), Buffer.alloc(200))],
    ['the same as PNG', () => pngClaim(65_535, 65_535)],
    ['the largest claim there is', () => pngClaim(2 ** 31 - 1, 2 ** 31 - 1)],
  ])('%s', async (_, make) => {
    rowsBefore = await countRows(server);
    const answer = await post(make());
    expect(refusal(answer)).toBe('400 invalid_payload');
    expect(errorOf(answer).details).toMatchObject({ pixels_max: 110_000_000 });
    expect(await countRows(server)).toBe(rowsBefore);
  });
});

describe('what is no still, whole picture of a taken type leaves nothing but its refusal', () => {
  it.each<[string, string, () => Buffer | Promise<Buffer>]>([
    ['an animated GIF', '415 unsupported_media_type', () => makeAnimation('gif', 3)],
    ['an animated WebP', '415 unsupported_media_type', () => makeAnimation('webp', 3)],
    ['an archive that begins with a GIF', '415 unsupported_media_type', () => Buffer.from(`GIF89a${'x'.repeat(99)}`)],
    ['a JPEG that was cut off', '400 invalid_payload', () => photo.subarray(0, photo.length - 40)],
    ['no byte', '400 invalid_payload', () => Buffer.alloc(0)],
    ['one byte', '400 invalid_payload', () => photo.subarray(0, 1)],
    [
      'an SVG',
      '415 unsupported_media_type',
      () => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${SCRIPT}</svg>`),
    ],
    ['a web page', '415 unsupported_media_type', () => Buffer.from(`<!doctype html><html>${SCRIPT}</html>`)],
    ['a program', '415 unsupported_media_type', () => Buffer.from(`MZ${'\0'.repeat(200)}`)],
    ['a HEIC photo for a provider that cannot read it', '415 unsupported_media_type', () => heicPhoto()],
  ])('%s, named .jpg', async (_, expected, make) => {
    rowsBefore = await countRows(server);
    expect(refusal(await post(await make()))).toBe(expected);
    expect(await countRows(server)).toBe(rowsBefore);
  });

  it('a PNG that is declared as a JPEG', async () => {
    const png = await makePhoto({ format: 'png' });
    expect(refusal(await post(png, { type: 'image/jpeg' }))).toBe('415 unsupported_media_type');
    expect(refusal(await post(png, { type: 'application/octet-stream', fileName: 'IMG_0003.JPG' }))).toBe('200');
  });
});

describe('a picture that is something else as well', () => {
  const html = `\n<!doctype html><html><body>${SCRIPT}</body></html>`;
  const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(26), Buffer.from('hidden-entry.txt')]);

  it.each<[string, string, () => Buffer]>([
    ['a page behind its end', 'slot-001', () => withTail(photo, html)],
    ['an archive behind its end', 'slot-001', () => withTail(photo, zip)],
    ['a page in a comment', 'slot-001', () => withSegments(photo, jpegSegment(0xfe, html))],
  ])('comes back as a picture and nothing else: %s', async (_, slotId, make) => {
    const answer = await post(make(), { slotId });
    expect(refusal(answer)).toBe('200');
    const link = await ask(`${server.url}/public/results/${answer.headers.get('x-job-id')}`);
    for (const { headers, body } of [answer, link]) {
      expect(body.toString('latin1')).not.toMatch(/<script|<html|hidden-entry/);
      expect(body.subarray(-2)).toEqual(Buffer.from([0xff, 0xd9]));
      expect(headers.get('content-type')).toBe('image/jpeg');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(link.headers.get('content-disposition')).toMatch(/^attachment;/);
  });

  it('is cleaned also when the provider made it so', async () => {
    const poisoned = await startGeminiServer({ simulator: { answer: withTail(photo, html) } });
    const answer = await poisoned.post({ photo, slotId: GEMINI_SLOT });
    await expectNothingLeft(poisoned);
    await poisoned.stop();
    expect(refusal(answer)).toBe('200');
    expect(answer.body.toString('latin1')).not.toContain('<script');
  });
});

describe('a provider that answers with a bomb', () => {
  it('is believed as little as a station: no picture, no file', async () => {
    const bomb = await startGeminiServer({
      simulator: { answer: flatPng() },
      environment: { T_SYNC_RESPONSE_SECONDS: '3' },
    });
    const answer = await bomb.post({ photo, slotId: GEMINI_SLOT });
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('110000000 pixels');
    await expectNothingLeft(bomb);
    await bomb.stop();
  });
});

describe('what a photo carries besides its picture', () => {
  it('may be a lot, and none of it is in the result', async () => {
    const heavy = withSegments(
      photo,
      exifSegment(exifBlock({ text: 'GPS 52.5200 N' })),
      ...Array.from({ length: 40 }, (_, index) =>
        jpegSegment(0xe2, Buffer.concat([Buffer.from(`MPF\0${index}`), Buffer.alloc(60_000, 'S')])),
      ),
      jpegSegment(0xed, `Photoshop 3.0\0${'secret'.repeat(9_000)}`),
    );
    const answer = await post(heavy);
    expect(refusal(answer)).toBe('200');
    expect(answer.body.length).toBeLessThan(20_000);
    expect(answer.body.toString('latin1')).not.toMatch(/GPS|52\.5200|secret|MPF/);
  });

  it('may turn it: the result lies upright', async () => {
    const { width, height } = await sharp((await post(await makePhoto({ orientation: 6 }))).body).metadata();
    expect([width, height]).toEqual([48, 64]);
  });
});

describe('a HEIC photo', () => {
  it('reaches a provider that takes it byte for byte', async () => {
    const heic = heicPhoto();
    const answer = await post(heic, { slotId: GEMINI_SLOT, fileName: 'IMG_0003.HEIC', type: 'image/heic' });
    expect(refusal(answer)).toBe('200');
    expect(server.simulator.requests.at(-1)?.images).toEqual([
      {
        mimeType: 'image/heic',
        sizeBytes: heic.length,
        sha256: createHash('sha256').update(heic).digest('hex'),
      },
    ]);
  });
});
