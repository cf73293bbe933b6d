import { decodePixels, type Pixels } from './pixels.ts';
import { openImage } from './sharp.ts';
import type { Size } from './size.ts';

/** A frame that is laid over finished pictures. */
export interface FramePicture {
  /** Upright. */
  readonly size: Size;
  /** Its pixels at another size, in sRGB. @throws sharp's error when the file is damaged. */
  decode(size: Size): Promise<Pixels>;
}

/**
 * Opens a frame by its header.
 *
 * @throws Error when it has no transparency, which would hide the picture, or more than `pixelsMax` pixels; sharp's and the
 * system's errors.
 */
export async function openFrame(absolutePath: string, pixelsMax: number): Promise<FramePicture> {
  const { autoOrient, hasAlpha } = await openImage(absolutePath, pixelsMax).metadata();
  if (hasAlpha !== true) throw new Error('The frame picture has no transparency: it would hide the photo.');
  return {
    size: { widthPx: autoOrient.width, heightPx: autoOrient.height },
    decode: ({ widthPx: width, heightPx: height }) =>
      decodePixels(openImage(absolutePath, pixelsMax).autoOrient().resize({ width, height, fit: 'fill' })),
  };
}
