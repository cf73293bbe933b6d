import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { renderScene } from '../../scripts/scene.ts';

const SMALL = { widthPx: 240, heightPx: 160, seed: 5 };

describe('a rendered scene', () => {
  it('is the same for the same seed and another for another', async () => {
    const [one, again, other] = await Promise.all([
      renderScene(SMALL),
      renderScene(SMALL),
      renderScene({ ...SMALL, seed: 6 }),
    ]);
    expect(one.equals(again)).toBe(true);
    expect(one.equals(other)).toBe(false);
  });

  it.each([
    [600, 400, 60_000],
    [600, 400, 160_000],
    [400, 600, 25_000],
  ])('%i × %i meets %i bytes within 3 %', async (widthPx, heightPx, sizeBytesTarget) => {
    const photo = await renderScene({ ...SMALL, widthPx, heightPx, sizeBytesTarget, gps: true });
    expect(Math.abs(photo.length - sizeBytesTarget) / sizeBytesTarget).toBeLessThanOrEqual(0.03);
    const { format, width, height } = await sharp(photo).metadata();
    expect([format, width, height]).toEqual(['jpeg', widthPx, heightPx]);
  });

  it('refuses a size that the pixels cannot have', async () => {
    await expect(renderScene({ ...SMALL, sizeBytesTarget: 100 })).rejects.toThrow(RangeError);
    await expect(renderScene({ ...SMALL, sizeBytesTarget: 10_000_000 })).rejects.toThrow(RangeError);
    await expect(renderScene({ ...SMALL, orientation: 9 })).rejects.toThrow(RangeError);
  });

  it('says camera and place only when asked', async () => {
    const [bare, camera, place] = await Promise.all([
      renderScene(SMALL),
      renderScene({ ...SMALL, exif: true }),
      renderScene({ ...SMALL, gps: true }),
    ]);
    expect((await sharp(bare).metadata()).exif).toBeUndefined();
    expect([camera.includes('Canon'), camera.includes('2026:07:11 20:')]).toEqual([true, true]);
    expect(place.length).toBeGreaterThan(camera.length);
    expect((await sharp(place).metadata()).exif?.length).toBeGreaterThan(
      (await sharp(camera).metadata()).exif?.length ?? 0,
    );
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('stored with orientation %i is seen upright', async (orientation) => {
    const isSideways = orientation >= 5;
    const stored = isSideways ? { widthPx: 160, heightPx: 240 } : { widthPx: 240, heightPx: 160 };
    const photo = await renderScene({ ...stored, seed: 5, orientation, exif: true });
    const facts = await sharp(photo).metadata();
    expect([facts.width, facts.height, facts.orientation ?? 1]).toEqual([stored.widthPx, stored.heightPx, orientation]);
    const seen = sharp(photo, { autoOrient: true }).resize(24, 16).removeAlpha().raw().toBuffer();
    const upright = sharp(await renderScene(SMALL))
      .resize(24, 16)
      .removeAlpha()
      .raw()
      .toBuffer();
    const [seenPixels, uprightPixels] = await Promise.all([seen, upright]);
    const differences = seenPixels.map((level, at) => Math.abs(level - (uprightPixels[at] ?? 0)));
    expect(differences.reduce((sum, difference) => sum + difference, 0) / differences.length).toBeLessThan(6);
  });
});
