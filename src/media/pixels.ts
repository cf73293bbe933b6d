import type { OverlayOptions, Sharp } from 'sharp';

/** A decoded picture that is laid over another one, with its own size. */
export interface Pixels {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly overlay: Required<Pick<OverlayOptions, 'input' | 'raw'>>;
}

/** Runs the pipeline into memory, with an alpha channel. Laying raw pixels over a photo spares writing and reading a PNG. */
export async function decodePixels(pipeline: Sharp): Promise<Pixels> {
  const { data, info } = await pipeline.ensureAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { widthPx: width, heightPx: height, overlay: { input: data, raw: { width, height, channels } } };
}
