import type { Sharp } from 'sharp';
import type { OutputWish } from '../domain/output-wish.ts';
import { applyShape } from './apply-shape.ts';
import type { Pixels } from './pixels.ts';
import type { PrintShape } from './print-shape.ts';
import { type OutputFormat, writeFormat } from './write-format.ts';

/** How a picture is encoded again. */
export interface EncodeOptions {
  readonly format: OutputFormat;
  /** 1–100. */
  readonly quality?: number | undefined;
  /** Whether the pixels keep their values and the profile that explains them; else they become sRGB. */
  readonly keepsProfile: boolean;
  /** Left out: the picture keeps its shape and size. */
  readonly shape?: (PrintShape & Pick<OutputWish, 'gravity' | 'padColour'>) | undefined;
  /** Laid over it; as large as the shape's size, in sRGB. */
  readonly frame?: Pixels | undefined;
}

/** A picture that was encoded again. */
export interface EncodedImage {
  readonly bytes: Buffer;
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Encodes a picture upright, in its wished shape and size, with its colour profile or in sRGB, and without metadata. Transparency
 * becomes white where the format has none.
 *
 * @throws sharp's error when the picture is damaged.
 */
export async function encodeUpright(image: Sharp, options: EncodeOptions): Promise<EncodedImage> {
  const { shape, frame } = options;
  // a grey or a 16-bit picture takes neither a coloured edge nor a frame as it is
  const upright = options.keepsProfile
    ? image.autoOrient().keepIccProfile()
    : image.autoOrient().pipelineColourspace('srgb').toColourspace('srgb');
  const shaped = shape === undefined ? upright : applyShape(upright, shape, shape);
  const framed = frame === undefined ? shaped : shaped.composite([{ ...frame.overlay, left: 0, top: 0 }]);
  const { data, info } = await writeFormat(framed, options.format, options.quality).toBuffer({
    resolveWithObject: true,
  });
  return { bytes: data, widthPx: info.width, heightPx: info.height };
}
