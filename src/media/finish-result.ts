import type { Metadata } from 'sharp';
import type { ResultMimeType } from '../domain/images.ts';
import { UnacceptableImageError } from '../domain/unacceptable-image.ts';
import { encodeUpright, type OutputFormat } from './encode-upright.ts';
import { type ContentKind, contentKind, KIND_BYTES, KIND_WORDS } from './formats/content-kind.ts';
import type { FinishedResult, FinishOptions, OutputWish } from './picture.ts';
import { openImage } from './sharp.ts';
import { stripMetadata } from './strip-metadata.ts';
import { createThumbnail } from './thumbnail.ts';

const DECODABLE: ReadonlySet<ContentKind> = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif']);

/** Colour spaces that screens and printers read as they are; anything else (CMYK, Lab) is converted. */
const COMMON_SPACES: ReadonlySet<string> = new Set(['srgb', 'b-w', 'rgb16', 'grey16']);

const MIME_TYPE = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' } as const satisfies Record<
  OutputFormat,
  ResultMimeType
>;

/**
 * Makes a result of what a provider answered, or refuses it. The usual answer (a JPEG, PNG or WebP that lies upright,
 * no wish of the slot) loses its metadata without being encoded again and is decoded once, small, which proves that it
 * is whole and yields the thumbnail: 4 MP and 1.5 MB take 22 ms, of which 1 ms on the main thread; the pieces are there
 * sooner, so that they can be written meanwhile. Anything else that can be decoded is encoded again, upright and with its
 * colour profile.
 *
 * @param image stays in use until the promise and the result's `thumbnail` have settled, also when they reject.
 * @throws UnacceptableImageError when the bytes are no picture, not whole, or have more than `pixelsMax` pixels.
 */
export async function finishResult(image: Buffer, options: FinishOptions): Promise<FinishedResult> {
  const kind = contentKind(image.subarray(0, KIND_BYTES));
  if (image.length === 0) throw new UnacceptableImageError('The answer is empty.');
  if (!DECODABLE.has(kind))
    throw new UnacceptableImageError(`The answer is ${KIND_WORDS[kind]}, which cannot be a result.`);
  // begun before the header is known: for the usual answer it is what takes the time
  const decoded = proveWhole(image, options);
  try {
    const header = await openImage(image, options.pixelsMax).metadata();
    const format = resultFormat(header);
    if (format !== undefined && isAsWished(header, format, options.output)) {
      return finishAsItIs(image, header, format, decoded);
    }
    const result = await finishEncoded(image, header, options);
    await decoded.catch(() => undefined);
    return result;
  } catch (error) {
    await decoded.catch(() => undefined);
    throw asUnacceptable(error, options.pixelsMax);
  }
}

function resultFormat({ format, pages }: Metadata): OutputFormat | undefined {
  const isStill = (pages ?? 1) === 1;
  return isStill && (format === 'jpeg' || format === 'png' || format === 'webp') ? format : undefined;
}

function isAsWished(header: Metadata, format: OutputFormat, wish: OutputWish = {}): boolean {
  return (
    (header.orientation ?? 1) === 1 &&
    COMMON_SPACES.has(header.space) &&
    (wish.format === undefined || wish.format === format) &&
    (wish.quality === undefined || format === 'png') &&
    (wish.maxSidePx === undefined || Math.max(header.width, header.height) <= wish.maxSidePx)
  );
}

/** The thumbnail, with its faults in the words of this module; never unhandled. */
function proveWhole(image: Buffer, { pixelsMax, thumbnailSidePx }: FinishOptions): Promise<Buffer> {
  const thumbnail = createThumbnail(image, pixelsMax, thumbnailSidePx).catch((error: unknown) => {
    throw asUnacceptable(error, pixelsMax);
  });
  thumbnail.catch(() => undefined);
  return thumbnail;
}

function finishAsItIs(
  image: Buffer,
  header: Metadata,
  format: OutputFormat,
  thumbnail: Promise<Buffer>,
): FinishedResult {
  const parts = stripMetadata(image, MIME_TYPE[format]);
  return {
    parts,
    sizeBytes: parts.reduce((sum, part) => sum + part.length, 0),
    mimeType: MIME_TYPE[format],
    widthPx: header.width,
    heightPx: header.height,
    thumbnail,
  };
}

async function finishEncoded(image: Buffer, header: Metadata, options: FinishOptions): Promise<FinishedResult> {
  const { output = {}, pixelsMax } = options;
  const format = output.format ?? resultFormat(header) ?? 'jpeg';
  const encoded = await encodeUpright(openImage(image, pixelsMax), {
    format,
    quality: output.quality,
    maxSidePx: output.maxSidePx,
    keepsProfile: COMMON_SPACES.has(header.space),
  });
  return {
    parts: [encoded.bytes],
    sizeBytes: encoded.bytes.length,
    mimeType: MIME_TYPE[format],
    widthPx: encoded.widthPx,
    heightPx: encoded.heightPx,
    thumbnail: proveWhole(encoded.bytes, options),
  };
}

function asUnacceptable(error: unknown, pixelsMax: number): UnacceptableImageError {
  if (error instanceof UnacceptableImageError) return error;
  const message = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
  const reason = message.includes('pixel limit')
    ? `The picture has more than ${pixelsMax} pixels.`
    : `The picture cannot be decoded: ${message}`;
  return new UnacceptableImageError(reason, { cause: error });
}
