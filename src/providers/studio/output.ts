import { type OutputWish, outputWishOf } from '../../domain/output-wish.ts';
import type { PrintShape } from '../../media/print-shape.ts';
import { type Size, scaleSize } from '../../media/size.ts';
import type { OutputFormat } from '../../media/write-format.ts';
import type { Settings } from './setting-values.ts';

/** How a result is written: the settings' `output`, the same for every operation. */
export interface Output extends OutputWish {
  readonly format: OutputFormat;
}

/** Reads the settings' `output`. */
export function readOutput(settings: Settings): Output {
  const wish = outputWishOf(settings);
  return { ...wish, format: wish?.format ?? 'jpeg' };
}

/** The size in which a picture is worked on: the photo's own, or what the finished one needs of it. */
export function workSize(picture: Size, { factor }: PrintShape): Size {
  return scaleSize(picture, Math.min(1, factor));
}
