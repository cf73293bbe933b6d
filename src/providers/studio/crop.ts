import { largestPiece, readPrintRatio } from '../../media/print-shape.ts';
import type { Made, StudioOperation, StudioTask } from './operation.ts';
import { workSize } from './output.ts';
import { readChoice, readText } from './setting-values.ts';
import { StudioFault } from './studio-fault.ts';

const GRAVITIES = ['centre', 'top', 'bottom', 'left', 'right', 'attention'] as const;
const ORIENTATIONS = ['auto', 'portrait', 'landscape'] as const;

/** The largest piece of the photo with a print's shape. */
export const CROP: StudioOperation = {
  description: { id: 'crop', name: 'Crop to a print size', needs: [], schemaRef: 'providers/studio/crop.json' },
  render,
};

function render({ settings, photo, planFor }: StudioTask): Made {
  const orientation = readChoice(settings, 'orientation', ORIENTATIONS, 'auto');
  const printRatio = readText(settings, 'print_ratio', '2:3');
  const ratio = readPrintRatio(printRatio, orientation, photo.size);
  if (ratio === undefined) throw new StudioFault(`"${printRatio}" is not a print ratio such as 2:3.`);
  const piece = largestPiece(photo.size, ratio);
  const shape = planFor(piece);
  const size = workSize(piece, shape);
  const position = readChoice(settings, 'gravity', GRAVITIES, 'centre');
  const { widthPx: width, heightPx: height } = size;
  return { pipeline: photo.pipeline().resize({ width, height, fit: 'cover', position }), size, shape };
}
