import type { Sharp } from 'sharp';

/** Formats a result can have. */
export type OutputFormat = 'jpeg' | 'png' | 'webp';

/** How a picture is encoded again. */
export interface EncodeOptions {
  readonly format: OutputFormat;
  /** 1–100; 90 where it is left out. Without meaning for PNG, where sharp would reduce the colours to a palette. */
  readonly quality: number | undefined;
  readonly maxSidePx: number | undefined;
  /** Whether the pixels keep their values and the profile that explains them; else they become sRGB. */
  readonly keepsProfile: boolean;
}

/** A picture that was encoded again. */
export interface EncodedImage {
  readonly bytes: Buffer;
  readonly widthPx: number;
  readonly heightPx: number;
}

const QUALITY = 90;

/**
 * Encodes a picture upright, at most as large as asked, with its colour profile and without metadata. Transparency
 * becomes white where the format has none.
 *
 * Measured on 3000 × 2000: JPEG without the second pass over the Huffman tables takes 55 ms instead of 119 and is 1.3 %
 * larger; WebP takes 404 ms at effort 1 instead of 849 at 4.
 *
 * @throws sharp's error when the picture is damaged.
 */
export async function encodeUpright(image: Sharp, options: EncodeOptions): Promise<EncodedImage> {
  const { maxSidePx, quality = QUALITY } = options;
  const upright = options.keepsProfile ? image.autoOrient().keepIccProfile() : image.autoOrient();
  const sized =
    maxSidePx === undefined
      ? upright
      : upright.resize(maxSidePx, maxSidePx, { fit: 'inside', withoutEnlargement: true });
  const { data, info } = await withFormat(sized, options.format, quality).toBuffer({ resolveWithObject: true });
  return { bytes: data, widthPx: info.width, heightPx: info.height };
}

function withFormat(image: Sharp, format: OutputFormat, quality: number): Sharp {
  switch (format) {
    case 'png':
      return image.png();
    case 'webp':
      return image.webp({ quality, effort: 1 });
    case 'jpeg':
      return image.flatten({ background: '#ffffff' }).jpeg({ quality, optimiseCoding: false });
  }
}
