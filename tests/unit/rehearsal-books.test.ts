/** The checks of the rehearsal, each shown to fail. */
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type BookedCall, findDoubleCharges } from '../../scripts/rehearsal/call-book.ts';
import { drawFault } from '../../scripts/rehearsal/draw-fault.ts';
import { computeFigures } from '../../scripts/rehearsal/figures.ts';
import { judge } from '../../scripts/rehearsal/judge.ts';
import { compareFiles, type Findings } from '../../scripts/rehearsal/look-afterwards.ts';
import { BAD_WEATHER, MORNING_SLOTS, planShots } from '../../scripts/rehearsal/morning.ts';
import { PHOTO_NUMBER_MAX, readPhotoNumber, writePhotoNumber } from '../../scripts/rehearsal/photo-number.ts';
import type { ShotAnswer } from '../../scripts/rehearsal/send-shots.ts';

const call = (beganAt: number, more: Partial<BookedCall> = {}): BookedCall => ({
  providerId: 'gemini',
  photoNo: 1,
  hasPhoto: true,
  fault: 'none',
  kind: 'success',
  beganAt,
  servedAt: beganAt + 5,
  ...more,
});
const hang = { fault: 'hang', kind: 'hang', servedAt: undefined } as const;
const never = () => true;
const uncertain = () => false;

describe('a double charge', () => {
  test('is a second call after a picture was handed over', () => {
    expect(findDoubleCharges([call(0), call(10)], uncertain)).toEqual([call(10)]);
  });

  test('is not a call of another photo, nor at another service, nor the first one', () => {
    const calls = [call(0), call(10, { photoNo: 2 }), call(10, { providerId: 'openai' })];
    expect(findDoubleCharges(calls, never)).toEqual([]);
  });

  test.each([
    ['hang', hang],
    ['cut', { fault: 'cut', kind: 'cut', servedAt: undefined }],
    ['empty answer', { fault: 'no_image', kind: 'no_image', servedAt: undefined }],
    ['picture that was not handed over yet', { servedAt: 20 }],
  ] as const)('is a second call after a %s only where the slot never repeats', (_name, first) => {
    expect(findDoubleCharges([call(0, first), call(10)], uncertain)).toEqual([]);
    expect(findDoubleCharges([call(0, first), call(10)], never)).toEqual([call(10)]);
  });

  test.each(['server_error', 'throttled', 'down'] as const)(
    'is never a call after %s, which costs nothing',
    (fault) => {
      expect(findDoubleCharges([call(0, { fault, kind: 'status', servedAt: undefined }), call(10)], never)).toEqual([]);
    },
  );

  test('is any second job at a service that bills every job it takes', () => {
    const lost = call(0, { providerId: 'turbotext', fault: 'hang', kind: 'never', servedAt: undefined });
    const again = call(10, { providerId: 'turbotext' });
    expect(findDoubleCharges([lost, again], uncertain)).toEqual([again]);
  });

  test('is found whatever the order of the book', () => {
    expect(findDoubleCharges([call(10), call(0)], uncertain)).toEqual([call(10)]);
  });
});

test('a file that belongs to no result is left, and a result without its file is missing', () => {
  const files = [
    'results/2026-05-31/a.1.jpg',
    'results/2026-05-31/a.1.thumb.jpg',
    'payloads/b.jpg',
    'results/2026-05-31/c.1.jpg',
  ];
  expect(compareFiles(files, ['results/2026-05-31/a.1.jpg', 'results/2026-05-31/d.1.jpg'])).toEqual({
    filesLeft: ['payloads/b.jpg', 'results/2026-05-31/c.1.jpg'],
    filesMissing: ['results/2026-05-31/d.1.jpg'],
  });
});

describe('the bars', () => {
  const clean: Findings = {
    jobs: 2,
    openJobs: 0,
    lateAccepted: 0,
    attempts: 2,
    remoteAttempts: 2,
    cost: 0,
    costPerhaps: 0,
    currency: 'EUR',
    filesLeft: [],
    filesMissing: [],
  };
  const answer = (no: number, more: Partial<ShotAnswer> = {}): ShotAnswer => ({
    shot: { no, slotId: 'slot-001', atMs: 0 },
    status: 200,
    isPicture: true,
    tookMs: 2_000,
    providerId: 'gemini',
    linkNo: 0,
    message: undefined,
    ...more,
  });
  const missed = (
    answers: readonly ShotAnswer[],
    calls: readonly BookedCall[],
    findings: Findings,
    picturesMin?: number,
  ) =>
    judge(computeFigures(answers, calls, findings, 48_000), picturesMin)
      .filter(({ isMet }) => !isMet)
      .map(({ name }) => name);

  test('are met by a morning without a fault', () => {
    expect(missed([answer(1), answer(2)], [call(0), call(0, { photoNo: 2 })], clean, 100)).toEqual([]);
  });

  test('are missed by a photo without a picture, and by a picture that came after the window', () => {
    const none = answer(2, { status: 504, isPicture: false, providerId: undefined, message: '{}' });
    expect(missed([answer(1), none], [], clean, 99.5)).toEqual(['pictures in the window']);
    expect(missed([answer(1), answer(2, { tookMs: 48_001 })], [], clean, 99.5)).toEqual(['pictures in the window']);
    expect(missed([answer(1), none], [], clean)).toEqual([]);
  });

  test('are missed by everything that must not be', () => {
    expect(missed([answer(1)], [call(0), call(10)], clean)).toEqual(['double charges']);
    expect(missed([answer(1)], [call(0, { photoNo: undefined })], clean)).toEqual(['calls with a strange photo']);
    expect(missed([answer(1)], [], { ...clean, lateAccepted: 1 })).toEqual(['late answers accepted']);
    expect(missed([answer(1)], [], { ...clean, filesLeft: ['payloads/a.jpg'] })).toEqual(['files left']);
    expect(missed([answer(1)], [], { ...clean, filesMissing: ['results/a.jpg'] })).toEqual(['pictures without a file']);
    expect(missed([answer(1)], [], { ...clean, openJobs: 1 })).toEqual(['jobs never ended']);
  });
});

describe('a morning', () => {
  test('is the same for the same seed, and another for another', () => {
    const plan = { seed: 7, photos: 50, lengthMs: 10_000 };
    expect(planShots(plan)).toEqual(planShots(plan));
    expect(planShots({ ...plan, seed: 8 })).not.toEqual(planShots(plan));
  });

  test('uses all 15 slots, and every service', () => {
    const slots = new Set(planShots({ seed: 1, photos: 500, lengthMs: 60_000 }).map(({ slotId }) => slotId));
    expect(slots.size).toBe(15);
    expect(new Set(MORNING_SLOTS.map(({ providerId }) => providerId)).size).toBe(6);
  });

  test('meets its faults in the shares that are asked for', () => {
    const draws = Array.from(
      { length: 4_000 },
      (_, no) => drawFault(1, { photoNo: no, providerId: 'gemini', callNo: 1 }, BAD_WEATHER.shares).fault,
    );
    const share = (fault: string) => (100 * draws.filter((drawn) => drawn === fault).length) / draws.length;
    expect(share('no_image')).toBeGreaterThan(13);
    expect(share('no_image')).toBeLessThan(17);
    expect(share('server_error')).toBeGreaterThan(4);
    expect(share('server_error')).toBeLessThan(6);
    expect(share('hang') + share('cut')).toBeGreaterThan(4);
    expect(share('hang') + share('cut')).toBeLessThan(6);
  });

  test('lets a call meet the same fault whenever it comes', () => {
    const name = { photoNo: 3, providerId: 'fal', callNo: 2 };
    expect(drawFault(1, name, BAD_WEATHER.shares).fault).toBe(drawFault(1, name, BAD_WEATHER.shares).fault);
  });
});

describe('the number in a photo', () => {
  const pixels = { data: Buffer.alloc(240 * 160 * 3, 90), width: 240, height: 160 };

  test.each([0, 500, PHOTO_NUMBER_MAX])('can be read again, also from a smaller and worse copy: %i', async (no) => {
    const photo = await writePhotoNumber(pixels, no);
    expect(await readPhotoNumber(photo)).toBe(no);
    expect(await readPhotoNumber(await sharp(photo).resize(160).jpeg({ quality: 40 }).toBuffer())).toBe(no);
  });

  test('is not seen in a photo without one, nor in bytes that are no photo', async () => {
    expect(
      await readPhotoNumber(
        await sharp(pixels.data, { raw: { width: 240, height: 160, channels: 3 } })
          .png()
          .toBuffer(),
      ),
    ).toBe(undefined);
    expect(await readPhotoNumber(Buffer.from('no photo'))).toBe(undefined);
    await expect(writePhotoNumber(pixels, PHOTO_NUMBER_MAX + 1)).rejects.toThrow(RangeError);
  });
});
