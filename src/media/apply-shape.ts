import type { Sharp } from 'sharp';
import type { OutputWish } from '../domain/output-wish.ts';
import type { PrintShape } from './print-shape.ts';

/** The pipeline with one step more, after which the picture has exactly the planned size. */
export function applyShape(
  image: Sharp,
  { size, fit }: PrintShape,
  { gravity = 'centre', padColour = '#ffffff' }: Pick<OutputWish, 'gravity' | 'padColour'>,
): Sharp {
  const position = fit === 'cover' ? gravity : 'centre';
  return image.resize({ width: size.widthPx, height: size.heightPx, fit, position, background: padColour });
}
