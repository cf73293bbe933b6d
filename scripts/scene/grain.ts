import type { OverlayOptions } from 'sharp';
import type { Random } from './random.ts';

/** sharp repeats a smaller tile over the picture, and refuses a larger one. */
const TILE_SIDE_PX = 512;
const MIDDLE = 128;

/** Sensor noise that can be laid over a picture in any strength; the pattern stays the same. */
export interface Grain {
  /** @param sigma how strong, in levels of 255. */
  overlay(sigma: number): OverlayOptions;
}

/** Draws the pattern for a picture of this size: mostly brightness, a little colour, as a sensor's. */
export function createGrain(widthPx: number, heightPx: number, random: Random): Grain {
  const raw = {
    width: Math.min(widthPx, TILE_SIDE_PX),
    height: Math.min(heightPx, TILE_SIDE_PX),
    channels: 3 as const,
  };
  const pattern = new Float32Array(raw.width * raw.height * 3);
  for (let at = 0; at < pattern.length; at += 3) {
    const luminance = noise(random);
    for (let channel = 0; channel < 3; channel += 1) pattern[at + channel] = luminance + noise(random) / 3;
  }
  return {
    overlay(sigma) {
      const tile = Buffer.from(Uint8ClampedArray.from(pattern, (level) => MIDDLE + sigma * level).buffer);
      return { input: tile, raw, tile: true, blend: 'soft-light' };
    },
  };
}

/** Close enough to a normal distribution of deviation 1: the sum of three even ones. */
function noise(random: Random): number {
  return random.between(-1, 1) + random.between(-1, 1) + random.between(-1, 1);
}
