import { readFile } from 'node:fs/promises';
import type { ResultMimeType } from '../domain/images.ts';
import { UnacceptableImageError } from '../domain/unacceptable-image.ts';
import { encodeUpright } from './encode-upright.ts';
import type { StripPicture } from './picture.ts';
import { openImage } from './sharp.ts';
import { onStorage } from './storage-fault.ts';
import { stripMetadata } from './strip-metadata.ts';
import type { OutputFormat } from './write-format.ts';

const FORMAT = {
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/webp': 'webp',
} as const satisfies Record<ResultMimeType, OutputFormat>;

/**
 * Makes a photo fit for a stranger's eyes without decoding it where that can be avoided. What lies upright keeps its pixels bit for
 * bit; what a camera's tag turns has to be turned for good, because the tag goes with the rest and many services never read it.
 * A structure that does not come apart is encoded again, too.
 *
 * The file is whole in memory meanwhile. Measured for 24 megapixels and 9 MB: 17 ms, nearly all of it reading; 850 ms on one thread
 * of the pool where it has to be turned.
 */
export const stripPicture: StripPicture = async (absolutePath, mimeType, { pixelsMax }) => {
  const file = await onStorage(() => readFile(absolutePath));
  const isUpright = ((await read(openImage(file, pixelsMax).metadata())).orientation ?? 1) === 1;
  const stripped = isUpright ? tryToStrip(file, mimeType) : undefined;
  if (stripped !== undefined) return { mimeType, parts: stripped };
  const wish = { format: FORMAT[mimeType], keepsProfile: false };
  const { bytes } = await read(encodeUpright(openImage(file, pixelsMax), wish));
  return { mimeType, parts: [bytes] };
};

function tryToStrip(file: Buffer, mimeType: ResultMimeType): Buffer[] | undefined {
  try {
    return stripMetadata(file, mimeType);
  } catch (error) {
    if (error instanceof UnacceptableImageError) return undefined;
    throw error;
  }
}

function read<Value>(reading: Promise<Value>): Promise<Value> {
  return reading.catch((error: unknown) => {
    const message = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    throw new UnacceptableImageError(`The picture cannot be decoded: ${message}`, { cause: error });
  });
}
