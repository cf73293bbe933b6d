/** What is said about pictures that are not taken: each message reads alone and tells the operator what to do. */
import { DomainError } from '../../domain/errors.ts';

/** The file's bytes are not a type that is taken here. */
export function unsupportedType(message: string, details?: Readonly<Record<string, unknown>>): DomainError {
  return new DomainError('unsupported_media_type', message, details === undefined ? {} : { details });
}

/** More than one picture in a file: no provider and no printer knows which one is meant. */
export function animatedImage(format: string): DomainError {
  return unsupportedType(`The file is an animated ${format}. Send a still picture: JPEG, PNG or WebP.`);
}

/**
 * The bytes contradict their own format.
 *
 * @param fault what is wrong, as the end of a sentence that begins with "The file is a JPEG,".
 */
export function brokenImage(format: string, fault: string): DomainError {
  return new DomainError(
    'invalid_payload',
    `The file is a ${format}, but ${fault}. It is damaged: send the photo again. If it happens twice, check the memory card.`,
  );
}

/** The file ends too early, as after an upload that broke off. */
export function truncatedImage(format: string, sizeBytes: number): DomainError {
  return new DomainError(
    'invalid_payload',
    `The file is a ${format}, but it ends after ${sizeBytes} bytes, before its picture is complete. Send it again.`,
    { details: { size_bytes: sizeBytes } },
  );
}

/**
 * Refuses a picture by the size its header claims.
 *
 * @throws DomainError `invalid_payload` with the sizes, when a side is zero or there are more pixels than `pixelsMax`.
 */
export function checkPixels(format: string, widthPx: number, heightPx: number, pixelsMax: number): void {
  if (widthPx < 1 || heightPx < 1) throw brokenImage(format, `its header says ${widthPx} × ${heightPx} pixels`);
  if (widthPx * heightPx <= pixelsMax) return;
  throw new DomainError(
    'invalid_payload',
    `The picture has ${widthPx} × ${heightPx} pixels; at most ${pixelsMax} are taken. Set the camera to a smaller size.`,
    { details: { width_px: widthPx, height_px: heightPx, pixels_max: pixelsMax } },
  );
}
