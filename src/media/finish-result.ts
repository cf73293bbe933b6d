import type { Metadata } from 'sharp';
import type { ResultMimeType } from '../domain/images.ts';
import type { OutputWish } from '../domain/output-wish.ts';
import { UnacceptableImageError } from '../domain/unacceptable-image.ts';
import { encodeUpright } from './encode-upright.ts';
import { type ContentKind, contentKind, KIND_BYTES, KIND_WORDS } from './formats/content-kind.ts';
import { type FramePicture, openFrame } from './frame-picture.ts';
import type { FinishedResult, FinishOptions } from './picture.ts';
import { type PrintShape, planShape } from './print-shape.ts';
import { openImage } from './sharp.ts';
import { stripMetadata } from './strip-metadata.ts';
import { createThumbnail } from './thumbnail.ts';
import type { OutputFormat } from './write-format.ts';

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
    const plan = await planFinish(header, options);
    if (format !== undefined && isAsWished(header, format, plan, options.output)) {
      return { ...finishAsItIs(image, header, format, decoded), frameFault: plan.frameFault };
    }
    const result = await finishEncoded(image, header, plan, options);
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

interface FinishPlan {
  readonly shape: PrintShape;
  readonly frame: FramePicture | undefined;
  readonly frameFault: string | undefined;
}

/** The picture was paid for: it is not thrown away because the frame around it is damaged. */
async function planFinish(header: Metadata, options: FinishOptions): Promise<FinishPlan> {
  const { framePath, output = {}, pixelsMax } = options;
  let frame: FramePicture | undefined;
  let frameFault: string | undefined;
  if (framePath !== undefined) {
    try {
      frame = await openFrame(framePath, pixelsMax);
    } catch (error) {
      frameFault = firstLine(error);
    }
  }
  const { width: widthPx, height: heightPx } = header.autoOrient;
  return { shape: planShape({ widthPx, heightPx }, output, { pixelsMax, frame: frame?.size }), frame, frameFault };
}

function isAsWished(header: Metadata, format: OutputFormat, plan: FinishPlan, wish: OutputWish = {}): boolean {
  const { size } = plan.shape;
  return (
    plan.frame === undefined &&
    (header.orientation ?? 1) === 1 &&
    COMMON_SPACES.has(header.space) &&
    (wish.format === undefined || wish.format === format) &&
    (wish.quality === undefined || format === 'png') &&
    size.widthPx === header.width &&
    size.heightPx === header.height
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

async function finishEncoded(
  image: Buffer,
  header: Metadata,
  plan: FinishPlan,
  options: FinishOptions,
): Promise<FinishedResult> {
  const { output = {}, pixelsMax } = options;
  const { shape } = plan;
  const format = output.format ?? resultFormat(header) ?? 'jpeg';
  const { frame, frameFault } = await decodeFrame(plan);
  // the colours of a frame and of an edge are sRGB
  const isPainted = frame !== undefined || shape.fit === 'contain';
  const encoded = await encodeUpright(openImage(image, pixelsMax), {
    format,
    quality: output.quality,
    keepsProfile: COMMON_SPACES.has(header.space) && !isPainted,
    shape: { ...shape, gravity: output.gravity, padColour: output.padColour },
    frame,
  });
  return {
    parts: [encoded.bytes],
    sizeBytes: encoded.bytes.length,
    mimeType: MIME_TYPE[format],
    widthPx: encoded.widthPx,
    heightPx: encoded.heightPx,
    thumbnail: proveWhole(encoded.bytes, options),
    frameFault,
  };
}

async function decodeFrame({ shape, frame, frameFault }: FinishPlan) {
  try {
    return { frame: await frame?.decode(shape.size), frameFault };
  } catch (error) {
    return { frame: undefined, frameFault: firstLine(error) };
  }
}

function asUnacceptable(error: unknown, pixelsMax: number): UnacceptableImageError {
  if (error instanceof UnacceptableImageError) return error;
  const message = firstLine(error);
  const reason = message.includes('pixel limit')
    ? `The picture has more than ${pixelsMax} pixels.`
    : `The picture cannot be decoded: ${message}`;
  return new UnacceptableImageError(reason, { cause: error });
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
