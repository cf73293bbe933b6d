/** What a slot wants its finished pictures to be, whichever provider makes them: the settings' `output`. */

const FORMATS = ['jpeg', 'png', 'webp'] as const;
const FITS = ['crop', 'pad'] as const;
const GRAVITIES = ['centre', 'top', 'bottom', 'left', 'right', 'attention'] as const;

/** The part of a picture that stays when it is cropped; `attention`: the most striking one. */
export type Gravity = (typeof GRAVITIES)[number];

/** Whatever is left out stays as the provider made it. */
export interface OutputWish {
  readonly format?: (typeof FORMATS)[number] | undefined;
  /** 1–100, for JPEG and WebP; PNG is always lossless. Asking for a quality means encoding again. */
  readonly quality?: number | undefined;
  /** The longer side. Smaller pictures stay as they are, unless `isEnlarged`. */
  readonly maxSidePx?: number | undefined;
  readonly isEnlarged?: boolean | undefined;
  /** The sides of a print, as in `2:3`; it stands or lies as the picture does. */
  readonly printRatio?: string | undefined;
  /** How the picture gets another shape: what is too much is cut off, or what is missing is filled. `crop` where left out. */
  readonly fit?: (typeof FITS)[number] | undefined;
  /** `centre` where left out. */
  readonly gravity?: Gravity | undefined;
  /** `#rrggbb`; white where left out. */
  readonly padColour?: string | undefined;
}

/**
 * Reads the settings' `output`; their schema bounds the values, and one of a foreign type counts as left out.
 *
 * @returns undefined where they hold none.
 */
export function outputWishOf(settings: Readonly<Record<string, unknown>>): OutputWish | undefined {
  const { output } = settings;
  if (typeof output !== 'object' || output === null) return undefined;
  const wish = output as Readonly<Record<string, unknown>>;
  const colour = textOf(wish['pad_color']);
  return {
    format: choiceOf(FORMATS, wish['format']),
    quality: numberOf(wish['quality']),
    maxSidePx: numberOf(wish['max_side_px']),
    isEnlarged: wish['enlarge'] === true,
    printRatio: textOf(wish['print_ratio']),
    fit: choiceOf(FITS, wish['fit']),
    gravity: choiceOf(GRAVITIES, wish['gravity']),
    padColour: colour !== undefined && /^#[0-9a-fA-F]{6}$/.test(colour) ? colour : undefined,
  };
}

/** The setting key of the frame that is laid over the finished picture: PNG or WebP with transparency. It decides the shape. */
export const FINISH_FRAME_KEY = 'finish_frame_media_id';

/**
 * The part of settings that says how a picture is finished, whoever made it: what the links of a chain take over from the slot's own
 * settings, so that a fallback's picture fits the same print.
 */
export function finishSettings(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key === 'output' || key === FINISH_FRAME_KEY));
}

const choiceOf = <Choice extends string>(choices: readonly Choice[], value: unknown): Choice | undefined =>
  choices.find((choice) => choice === value);

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
