import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finishSettings, outputWishOf } from '../../src/domain/output-wish.ts';
import { planShape } from '../../src/media/print-shape.ts';

const PIXELS_MAX = 20_000_000;
type Wish = Parameters<typeof planShape>[1];

const plan = (widthPx: number, heightPx: number, wish: Wish, pixelsMax = PIXELS_MAX) => {
  const { size, fit } = planShape({ widthPx, heightPx }, wish, { pixelsMax });
  return [fit, size.widthPx, size.heightPx];
};

const sides = fc.integer({ min: 1, max: 4_000 });
const ratios = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }));

describe('the shape of a finished picture', () => {
  it.each<[number, number, Wish, (string | number)[]]>([
    [800, 600, {}, ['fill', 800, 600]],
    [800, 600, { fit: 'pad' }, ['fill', 800, 600]],
    [800, 600, { maxSidePx: 400 }, ['fill', 400, 300]],
    [800, 600, { maxSidePx: 4096 }, ['fill', 800, 600]],
    [800, 600, { maxSidePx: 1600, isEnlarged: true }, ['fill', 1600, 1200]],
    [800, 600, { isEnlarged: true }, ['fill', 800, 600]],
    [800, 600, { printRatio: '2:3' }, ['cover', 800, 533]],
    [600, 800, { printRatio: '3:2' }, ['cover', 533, 800]],
    [800, 600, { printRatio: '4:3' }, ['cover', 800, 600]],
    [600, 600, { printRatio: '2:3' }, ['cover', 400, 600]],
    [600, 600, { printRatio: '3:2' }, ['cover', 600, 400]],
    [600, 600, { printRatio: '3:2', fit: 'pad' }, ['contain', 900, 600]],
    [800, 600, { printRatio: '1:1', fit: 'pad', maxSidePx: 400 }, ['contain', 400, 400]],
    [832, 1248, { printRatio: '2:3', maxSidePx: 1800, isEnlarged: true }, ['cover', 1200, 1800]],
    [1024, 1024, { printRatio: '2:3', maxSidePx: 1800, isEnlarged: true }, ['cover', 1200, 1800]],
    [1024, 1024, { printRatio: '5:7', fit: 'pad', maxSidePx: 2100, isEnlarged: true }, ['contain', 1500, 2100]],
    [6000, 4000, { printRatio: '2:3', maxSidePx: 1800 }, ['cover', 1800, 1200]],
    [800, 600, { printRatio: 'square' }, ['fill', 800, 600]],
  ])('%i × %i with %j is %j', (widthPx, heightPx, wish, expected) => {
    expect(plan(widthPx, heightPx, wish)).toEqual(expected);
  });

  it('is the frame’s, whatever else is asked', () => {
    const frame = { widthPx: 1200, heightPx: 1800 };
    const wish = { printRatio: '1:1', isEnlarged: true, maxSidePx: 4000 };
    const landscape = { widthPx: 800, heightPx: 600 };
    expect(planShape(landscape, wish, { pixelsMax: PIXELS_MAX, frame })).toEqual({
      size: frame,
      fit: 'cover',
      factor: 3,
    });
    expect(planShape(landscape, { fit: 'pad', maxSidePx: 900 }, { pixelsMax: PIXELS_MAX, frame })).toEqual({
      size: { widthPx: 600, heightPx: 900 },
      fit: 'contain',
      factor: 0.75,
    });
    const poster = { widthPx: 8_192, heightPx: 4_096 };
    expect(planShape(landscape, {}, { pixelsMax: PIXELS_MAX, frame: poster }).size).toEqual({
      widthPx: 4_096,
      heightPx: 2_048,
    });
  });

  it('never has more pixels than are allowed, nor a longer side than a format can have', () => {
    expect(plan(1000, 1000, { printRatio: '1:4', fit: 'pad' }, 1_000_000)).toEqual(['contain', 500, 2000]);
    expect(plan(9_000, 9_000, { printRatio: '99:1', fit: 'pad' }, 1_000_000_000)).toEqual(['contain', 16_383, 165]);
  });

  it('keeps to the ratio within a pixel, cuts along one side only, and never enlarges unasked', () => {
    fc.assert(
      fc.property(sides, sides, ratios, fc.constantFrom('crop', 'pad'), (widthPx, heightPx, [a, b], fit) => {
        const { size, factor } = planShape(
          { widthPx, heightPx },
          { printRatio: `${a}:${b}`, fit: fit as 'crop' | 'pad' },
          { pixelsMax: 1e9 },
        );
        const [low = 0, high = 0] = [a / b, b / a].sort((one, other) => one - other);
        const turned = widthPx > heightPx ? high : low;
        const ratio = widthPx === heightPx ? a / b : turned;
        expect(Math.abs(size.widthPx - size.heightPx * ratio)).toBeLessThanOrEqual(Math.max(1, ratio));
        expect(factor).toBeLessThanOrEqual(1);
        const isKept = [size.widthPx === widthPx, size.heightPx === heightPx];
        if (factor === 1) expect(isKept).toContain(true);
        if (fit === 'crop') expect(size.widthPx <= widthPx && size.heightPx <= heightPx).toBe(true);
      }),
    );
  });

  it('has exactly the longest side that is always to be reached', () => {
    fc.assert(
      fc.property(sides, sides, ratios, fc.integer({ min: 256, max: 4096 }), (widthPx, heightPx, [a, b], maxSidePx) => {
        const wish = { printRatio: `${a}:${b}`, maxSidePx, isEnlarged: true };
        const { size } = planShape({ widthPx, heightPx }, wish, { pixelsMax: PIXELS_MAX });
        expect(Math.max(size.widthPx, size.heightPx)).toBe(maxSidePx);
      }),
    );
  });
});

describe('the wish of a slot', () => {
  it('is read from its settings', () => {
    const output = {
      format: 'webp',
      quality: 80,
      print_ratio: '2:3',
      fit: 'pad',
      gravity: 'attention',
      pad_color: '#00ff00',
      max_side_px: 1800,
      enlarge: true,
    };
    expect(outputWishOf({ prompt: 'x', output })).toEqual({
      format: 'webp',
      quality: 80,
      printRatio: '2:3',
      fit: 'pad',
      gravity: 'attention',
      padColour: '#00ff00',
      maxSidePx: 1800,
      isEnlarged: true,
    });
  });

  it('is taken over by other settings together with the frame, and nothing else is', () => {
    const finish = { output: { format: 'png' }, finish_frame_media_id: 'id' };
    expect(finishSettings({ prompt: 'x', overlay_media_id: 'other', ...finish })).toEqual(finish);
    expect(finishSettings({ prompt: 'x' })).toEqual({});
  });

  it.each([{}, { output: null }, { output: 'jpeg' }])('is none in %j', (settings) => {
    expect(outputWishOf(settings)).toBeUndefined();
  });

  it('counts as left out where it is of a foreign type', () => {
    const output = {
      format: 'gif',
      quality: '9',
      fit: 1,
      gravity: 'up',
      pad_color: 'red',
      max_side_px: '9',
      enlarge: 1,
    };
    expect(Object.values(outputWishOf({ output }) ?? {}).filter((value) => value !== undefined)).toEqual([false]);
  });
});
