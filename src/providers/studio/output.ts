import type { Sharp } from 'sharp';
import { readChoice, readNumber, type Settings } from './setting-values.ts';

const FORMATS = ['jpeg', 'png', 'webp'] as const;

/** How a result is written: the settings' `output`, the same for every operation. */
export interface Output {
  readonly format: (typeof FORMATS)[number];
  /** 1–100; has no meaning for PNG, which loses nothing. */
  readonly quality: number;
  /** The longest allowed side; undefined keeps the photo's size. */
  readonly sidePxMax: number | undefined;
}

/** Reads the settings' `output`. */
export function readOutput(settings: Settings): Output {
  const output = typeof settings.output === 'object' && settings.output !== null ? (settings.output as Settings) : {};
  return {
    format: readChoice(output, 'format', FORMATS, 'jpeg'),
    quality: readNumber(output, 'quality', 90),
    sidePxMax: typeof output.max_side_px === 'number' ? output.max_side_px : undefined,
  };
}

/**
 * Runs the pipeline and writes its result. No metadata is kept; a photo that named its colour space gets a result that names
 * sRGB (480 bytes), since its pixels were converted: sRGB is what printers and browsers without colour management assume.
 *
 * Measured on 3000 × 2000: JPEG without the second pass over the Huffman tables takes 55 ms instead of 119 ms and is 1.3 %
 * larger; WebP takes 404 ms at effort 1 instead of 849 ms at sharp's default of 4.
 */
export function encode(pipeline: Sharp, output: Output, hasProfile: boolean): Promise<Buffer> {
  const tagged = hasProfile ? pipeline.withIccProfile('srgb') : pipeline;
  switch (output.format) {
    case 'png':
      return tagged.png().toBuffer();
    case 'webp':
      return tagged.webp({ quality: output.quality, effort: 1 }).toBuffer();
    case 'jpeg':
      return tagged
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: output.quality, mozjpeg: false, optimiseCoding: false })
        .toBuffer();
  }
}
