import type { StudioOperation, StudioTask } from './operation.ts';
import { encode, readOutput } from './output.ts';
import { readChoice, readText } from './setting-values.ts';
import { type Size, scaleSize, shrinkFactor } from './size.ts';
import { StudioFault } from './studio-fault.ts';

const GRAVITIES = ['centre', 'top', 'bottom', 'left', 'right', 'attention'] as const;
const ORIENTATIONS = ['auto', 'portrait', 'landscape'] as const;

/** The largest piece of the photo with a print's shape. */
export const CROP: StudioOperation = {
  description: { id: 'crop', name: 'Crop to a print size', needs: [], schemaRef: 'providers/studio/crop.json' },
  render,
};

async function render({ settings, photo }: StudioTask): Promise<Buffer> {
  const output = readOutput(settings);
  const orientation = readChoice(settings, 'orientation', ORIENTATIONS, 'auto');
  const ratio = widthToHeight(readText(settings, 'print_ratio', '2:3'), orientation, photo.size);
  const piece = largestPiece(photo.size, ratio);
  const { widthPx: width, heightPx: height } = scaleSize(piece, shrinkFactor(piece, output.sidePxMax));
  const position = readChoice(settings, 'gravity', GRAVITIES, 'centre');
  const cropped = photo.pipeline().resize({ width, height, fit: 'cover', position });
  return encode(cropped, output, photo.hasProfile);
}

/** A print has no direction of its own: `auto` turns it as the photo lies, and leaves it as written for a square photo. */
function widthToHeight(printRatio: string, orientation: (typeof ORIENTATIONS)[number], photo: Size): number {
  const written = /^([1-9]\d?):([1-9]\d?)$/.exec(printRatio);
  if (written === null) throw new StudioFault(`"${printRatio}" is not a print ratio such as 2:3.`);
  const ratio = Number(written[1]) / Number(written[2]);
  const isAsWritten = orientation === 'auto' && photo.widthPx === photo.heightPx;
  if (isAsWritten) return ratio;
  const isLandscape = orientation === 'auto' ? photo.widthPx > photo.heightPx : orientation === 'landscape';
  return isLandscape ? Math.max(ratio, 1 / ratio) : Math.min(ratio, 1 / ratio);
}

/** In fractions of pixels: rounding is left to the last step, where the largest side is known. */
function largestPiece(photo: Size, ratio: number): Size {
  return {
    widthPx: Math.min(photo.widthPx, photo.heightPx * ratio),
    heightPx: Math.min(photo.heightPx, photo.widthPx / ratio),
  };
}
