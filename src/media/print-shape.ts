import type { OutputWish } from '../domain/output-wish.ts';
import { type Size, scaleSize, shrinkFactor } from './size.ts';

/** No format takes a longer side: it is WebP's. */
const SIDE_PX_MAX = 16_383;

/** A larger frame is made smaller: its pixels are in memory, for every picture anew. No print needs more. */
const FRAME_SIDE_PX_MAX = 4_096;

/** How a picture becomes the finished one. */
export interface PrintShape {
  /** Of the finished picture. */
  readonly size: Size;
  /** `fill`: the shape stays. `cover`: what is too much is cut off. `contain`: what is missing is filled. */
  readonly fit: 'fill' | 'cover' | 'contain';
  /** How much larger (or smaller, below 1) the picture itself is in the finished one. */
  readonly factor: number;
}

/** What bounds a finished picture besides the slot's wish. */
export interface ShapeLimits {
  readonly pixelsMax: number;
  /** The frame that is laid over it: its shape becomes the picture's, and so does its size within reason. */
  readonly frame?: Size | undefined;
}

type ShapeWish = Pick<OutputWish, 'printRatio' | 'fit' | 'maxSidePx' | 'isEnlarged'>;

/**
 * Plans the shape and size of a finished picture. Cropping never cuts more than the shape asks for, and padding never cuts
 * anything. Only what is asked for is enlarged; never beyond the limits.
 *
 * @param picture how it lies upright; need not be whole pixels.
 */
export function planShape(picture: Size, wish: ShapeWish, { pixelsMax, frame }: ShapeLimits): PrintShape {
  const ratio = targetRatio(picture, wish, frame);
  const isPadded = wish.fit === 'pad';
  let whole = picture;
  if (ratio !== undefined) whole = isPadded ? smallestCanvas(picture, ratio) : largestPiece(picture, ratio);
  if (frame !== undefined) whole = scaleSize(frame, shrinkFactor(frame, FRAME_SIDE_PX_MAX));
  const isEnlarged = wish.isEnlarged === true && frame === undefined && wish.maxSidePx !== undefined;
  const sideFactor = isEnlarged ? (wish.maxSidePx ?? 0) / longerSidePx(whole) : shrinkFactor(whole, wish.maxSidePx);
  const limit = Math.min(Math.sqrt(pixelsMax / (whole.widthPx * whole.heightPx)), SIDE_PX_MAX / longerSidePx(whole));
  const factor = isEnlarged || isPadded ? Math.min(sideFactor, limit) : sideFactor;
  const size = scaleSize(whole, factor);
  if (ratio === undefined) return { size, fit: 'fill', factor };
  const fit = isPadded ? 'contain' : 'cover';
  if (frame === undefined) return { size, fit, factor };
  const factors = [size.widthPx / picture.widthPx, size.heightPx / picture.heightPx];
  return { size, fit, factor: isPadded ? Math.min(...factors) : Math.max(...factors) };
}

/** Width to height; undefined where the shape stays. */
function targetRatio(picture: Size, { printRatio }: ShapeWish, frame: Size | undefined): number | undefined {
  if (frame !== undefined) return frame.widthPx / frame.heightPx;
  return printRatio === undefined ? undefined : readPrintRatio(printRatio, 'auto', picture);
}

/**
 * Reads a print's ratio as width to height. A print has no direction of its own: `auto` turns it as the picture lies, and leaves
 * it as written for a square one.
 *
 * @returns undefined where it is no ratio such as `2:3`.
 */
export function readPrintRatio(
  printRatio: string,
  orientation: 'auto' | 'portrait' | 'landscape',
  picture: Size,
): number | undefined {
  const written = /^([1-9]\d?):([1-9]\d?)$/.exec(printRatio);
  if (written === null) return undefined;
  const ratio = Number(written[1]) / Number(written[2]);
  const isAsWritten = orientation === 'auto' && picture.widthPx === picture.heightPx;
  if (isAsWritten) return ratio;
  const isLandscape = orientation === 'auto' ? picture.widthPx > picture.heightPx : orientation === 'landscape';
  return isLandscape ? Math.max(ratio, 1 / ratio) : Math.min(ratio, 1 / ratio);
}

/** The largest piece of the picture with this shape, in fractions of pixels: rounding is left to where the final size is known. */
export function largestPiece(picture: Size, ratio: number): Size {
  return {
    widthPx: Math.min(picture.widthPx, picture.heightPx * ratio),
    heightPx: Math.min(picture.heightPx, picture.widthPx / ratio),
  };
}

function smallestCanvas(picture: Size, ratio: number): Size {
  return {
    widthPx: Math.max(picture.widthPx, picture.heightPx * ratio),
    heightPx: Math.max(picture.heightPx, picture.widthPx / ratio),
  };
}

const longerSidePx = ({ widthPx, heightPx }: Size): number => Math.max(widthPx, heightPx);
