import { readFile } from 'node:fs/promises';
import { finishResult } from './finish-result.ts';
import type { PreparedPicture } from './picture.ts';
import { openImage } from './sharp.ts';
import { onStorage } from './storage-fault.ts';

/**
 * Makes an uploaded picture fit to be kept and shown, by the rules of results: every coded pixel was decoded once, it lies
 * upright, and nothing but pixels and colour profile is left in it, so it has no place and no camera, and no other file behind its end.
 * One that lies upright already keeps its pixels bit for bit.
 *
 * The whole file is in memory meanwhile: for what administrators upload, not for photos.
 *
 * @throws UnacceptableImageError when it is no picture, not whole, or has more than `pixelsMax` pixels; DomainError
 * `storage_unavailable`.
 */
export async function preparePicture(
  absolutePath: string,
  { pixelsMax }: { readonly pixelsMax: number },
): Promise<PreparedPicture> {
  const file = await onStorage(() => readFile(absolutePath));
  const finished = await finishResult(file, { pixelsMax });
  await finished.thumbnail;
  const { hasAlpha } = await openImage(file, pixelsMax).metadata();
  return { parts: finished.parts, sizeBytes: finished.sizeBytes, mimeType: finished.mimeType, hasAlpha };
}
