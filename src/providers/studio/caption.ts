import type { Size } from '../../media/size.ts';
import font from './caption-font.json' with { type: 'json' };
import { StudioFault } from './studio-fault.ts';

/**
 * Captions are drawn from outlines of our own font, not from the machine's fonts: on a machine without fonts sharp draws every
 * letter as an empty box and says nothing, and no two machines have the same ones. Since a letter is a path, no character of
 * the text ever reaches the SVG.
 */
const GLYPHS = font.glyphs as unknown as Readonly<Record<string, readonly [advance: number, path: string]>>;
/** From the highest accent to the lowest tail, in font units. */
const LINE_UNITS = 968 + font.descent;
const ASCENT_UNITS = 968;

/** How a line of text is drawn into its box: centred, as high as asked unless it would be too wide. */
export interface CaptionStyle {
  readonly capHeightPx: number;
  /** `#rrggbb`. */
  readonly colour: string;
  /** 0–1. */
  readonly opacity: number;
  /** A dark edge, so that light letters can be read on a light picture. */
  readonly isOutlined: boolean;
}

/** The characters of `text` that the font has no outline for, each once. */
export function undrawableCharacters(text: string): string[] {
  return [...new Set(text)].filter((character) => !Object.hasOwn(GLYPHS, character));
}

/** The box that a line of this height needs, with room for accents, tails and the edge, but no wider than `widthPxMax`. */
export function captionBox(text: string, capHeightPx: number, widthPxMax: number): Size {
  const pxPerUnit = capHeightPx / font.capHeight;
  const wanted = textUnits(text) * pxPerUnit + capHeightPx / 2;
  const shrink = Math.min(1, widthPxMax / wanted);
  return {
    widthPx: Math.max(1, Math.floor(wanted * shrink)),
    heightPx: Math.max(1, Math.ceil(LINE_UNITS * pxPerUnit * shrink + (capHeightPx * shrink) / 4)),
  };
}

/**
 * The line of text as an SVG of exactly the box's size.
 *
 * @throws StudioFault when the font lacks a character: a caption never loses letters in silence.
 */
export function drawCaption(text: string, box: Size, style: CaptionStyle): Buffer {
  const missing = undrawableCharacters(text);
  if (missing.length > 0) {
    throw new StudioFault(`The caption has characters that cannot be drawn: ${JSON.stringify(missing.join(''))}.`);
  }
  const units = textUnits(text);
  const edgePx = style.capHeightPx / 4;
  const scale = Math.min(
    style.capHeightPx / font.capHeight,
    Math.max(0, box.widthPx - edgePx) / Math.max(1, units),
    box.heightPx / LINE_UNITS,
  );
  const left = (box.widthPx - units * scale) / 2;
  const baseline = (box.heightPx - LINE_UNITS * scale) / 2 + ASCENT_UNITS * scale;
  const edge = style.isOutlined
    ? ' stroke="#000000" stroke-opacity="0.45" stroke-width="70" stroke-linejoin="round" paint-order="stroke"'
    : '';
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${box.widthPx}" height="${box.heightPx}">` +
      `<g opacity="${style.opacity}"><g transform="translate(${left.toFixed(2)} ${baseline.toFixed(2)}) scale(${scale.toFixed(5)})"` +
      ` fill="${style.colour}"${edge}>${paths(text)}</g></g></svg>`,
  );
}

function textUnits(text: string): number {
  return [...text].reduce((units, character) => units + (GLYPHS[character]?.[0] ?? 0), 0);
}

function paths(text: string): string {
  let x = 0;
  let drawn = '';
  for (const character of text) {
    const [advance, path] = GLYPHS[character] ?? [0, ''];
    if (path !== '') drawn += `<path transform="translate(${x} 0)" d="${path}"/>`;
    x += advance;
  }
  return drawn;
}
