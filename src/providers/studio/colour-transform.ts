/** One row or one point in red, green, blue. */
export type Triple = readonly [number, number, number];

/** A change of colour that treats every pixel alike: out = matrix · in + offset, on values from 0 to 255, clamped at the end. */
export interface ColourTransform {
  readonly matrix: readonly [Triple, Triple, Triple];
  readonly offset: Triple;
}

/** How bright the eye sees red, green and blue, for gamma-encoded values (ITU-R BT.601). */
const LUMA: Triple = [0.299, 0.587, 0.114];
const IDENTITY: ColourTransform['matrix'] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];
const NO_OFFSET: Triple = [0, 0, 0];
const MIDDLE = 128;

/** 0 is greyscale, 1 changes nothing, more is more colourful. */
export function saturation(amount: number): ColourTransform {
  const row = (own: number): Triple =>
    triple((channel) => (1 - amount) * LUMA[channel] + (channel === own ? amount : 0));
  return { matrix: [row(0), row(1), row(2)], offset: NO_OFFSET };
}

/** The sepia of the CSS Filter Effects module at full amount. */
export const SEPIA: ColourTransform = {
  matrix: [
    [0.393, 0.769, 0.189],
    [0.349, 0.686, 0.168],
    [0.272, 0.534, 0.131],
  ],
  offset: NO_OFFSET,
};

/** Black becomes `shadow`, white becomes `highlight` (`#rrggbb`), and everything between lies on the line that joins them. */
export function duotone(shadow: string, highlight: string): ColourTransform {
  const dark = parseColour(shadow);
  const light = parseColour(highlight);
  const row = (own: 0 | 1 | 2): Triple => triple((channel) => (LUMA[channel] * (light[own] - dark[own])) / 255);
  return { matrix: [row(0), row(1), row(2)], offset: dark };
}

/** Multiplies each channel by `gain` and adds `lift`. */
export function gain(factor: Triple, lift: Triple = NO_OFFSET): ColourTransform {
  return {
    matrix: [
      [factor[0], 0, 0],
      [0, factor[1], 0],
      [0, 0, factor[2]],
    ],
    offset: lift,
  };
}

/** Spreads (above 1) or gathers (below 1) the values around the middle grey. */
export function contrast(amount: number): ColourTransform {
  const lift = MIDDLE * (1 - amount);
  return gain([amount, amount, amount], [lift, lift, lift]);
}

/** First `first`, then `second`, in one transform. */
export function chain(first: ColourTransform, second: ColourTransform): ColourTransform {
  const row = (own: 0 | 1 | 2): Triple =>
    triple((channel) => sum((middle) => second.matrix[own][middle] * first.matrix[middle][channel]));
  return {
    matrix: [row(0), row(1), row(2)],
    offset: triple((own) => sum((middle) => second.matrix[own][middle] * first.offset[middle]) + second.offset[own]),
  };
}

/** The transform mixed with the untouched picture: `strength` 0 changes nothing, 1 is the whole effect. */
export function weaken(transform: ColourTransform, strength: number): ColourTransform {
  const row = (own: 0 | 1 | 2): Triple =>
    triple((channel) => strength * transform.matrix[own][channel] + (1 - strength) * IDENTITY[own][channel]);
  return { matrix: [row(0), row(1), row(2)], offset: triple((own) => strength * transform.offset[own]) };
}

function triple(value: (index: 0 | 1 | 2) => number): Triple {
  return [value(0), value(1), value(2)];
}

function sum(value: (index: 0 | 1 | 2) => number): number {
  return value(0) + value(1) + value(2);
}

function parseColour(colour: string): Triple {
  return triple((channel) => Number.parseInt(colour.slice(1 + 2 * channel, 3 + 2 * channel), 16));
}
