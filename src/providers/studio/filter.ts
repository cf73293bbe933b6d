import { applyShape } from '../../media/apply-shape.ts';
import {
  type ColourTransform,
  chain,
  contrast,
  duotone,
  gain,
  SEPIA,
  saturation,
  type Triple,
  weaken,
} from './colour-transform.ts';
import type { Made, StudioOperation, StudioTask } from './operation.ts';
import { workSize } from './output.ts';
import { readChoice, readColour, readNumber, type Settings } from './setting-values.ts';

/** Every effect changes each pixel by its own colour alone, so it is one matrix and one offset, whatever the picture. */
const EFFECTS = {
  greyscale: () => saturation(0),
  noir: () => chain(saturation(0), contrast(1.4)),
  sepia: () => SEPIA,
  duotone: (settings) =>
    duotone(readColour(settings, 'shadow_color', '#1b1464'), readColour(settings, 'highlight_color', '#ffd166')),
  vintage: () => chain(chain(saturation(0.6), contrast(0.82)), gain([1.06, 1, 0.88], [6, 4, 10])),
  vivid: () => chain(saturation(1.4), contrast(1.08)),
  warm: () => gain([1.08, 1.01, 0.88], [4, 2, 0]),
  cool: () => gain([0.9, 1, 1.1], [0, 1, 4]),
} as const satisfies Record<string, (settings: Settings) => ColourTransform>;

const EFFECT_NAMES = Object.keys(EFFECTS) as (keyof typeof EFFECTS)[];

/** A change of the photo's colours. */
export const FILTER: StudioOperation = {
  description: { id: 'filter', name: 'Colour filter', needs: [], schemaRef: 'providers/studio/filter.json' },
  render,
};

function render({ settings, photo, output, planFor }: StudioTask): Made {
  const effect = EFFECTS[readChoice(settings, 'effect', EFFECT_NAMES, 'greyscale')];
  const transform = weaken(effect(settings), readNumber(settings, 'strength', 1));
  const shape = planFor(photo.size);
  // an edge that is added later keeps its colour; what is cut off need not be worked on
  const isPadded = shape.fit === 'contain';
  const size = isPadded ? workSize(photo.size, shape) : shape.size;
  const sized = applyShape(photo.pipeline(), { ...shape, size, fit: isPadded ? 'fill' : shape.fit }, output);
  const recoloured = sized.recomb([row(transform.matrix[0]), row(transform.matrix[1]), row(transform.matrix[2])]);
  const isLifted = transform.offset.some((lift) => lift !== 0);
  return { pipeline: isLifted ? recoloured.linear([1, 1, 1], [...transform.offset]) : recoloured, size, shape };
}

function row([red, green, blue]: Triple): [number, number, number] {
  return [red, green, blue];
}
