import type { SourceImage } from '../provider.ts';

/** The most base64 of all the images of a request. Every model's request limit (20 MB before 2026, 100 MB since) leaves room for the rest. */
export const INLINE_BASE64_BYTES_MAX = 15_000_000;

/**
 * The images that have to be uploaded beforehand, so that the base64 of the others fits into the request. The largest come first, so
 * that there are as few as possible: each costs two requests.
 */
export function chooseUploads(images: readonly SourceImage[]): SourceImage[] {
  const uploads: SourceImage[] = [];
  let left = images.reduce((sum, image) => sum + base64Bytes(image), 0);
  for (const image of images.toSorted((a, b) => b.sizeBytes - a.sizeBytes)) {
    if (left <= INLINE_BASE64_BYTES_MAX) break;
    uploads.push(image);
    left -= base64Bytes(image);
  }
  return uploads;
}

const base64Bytes = ({ sizeBytes }: SourceImage): number => Math.ceil(sizeBytes / 3) * 4;
