import { createHash } from 'node:crypto';

/** An image the service found in a request. */
export interface ReceivedImage {
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What is remembered of an image; its bytes are not. */
export function receivedImage(bytes: Buffer, mimeType: string): ReceivedImage {
  return { mimeType, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Whether the bytes begin like an image of the type; false for a type that is no image. */
export function beginsLike(bytes: Buffer, mimeType: string): boolean {
  const text = (from: number, to: number): string => bytes.toString('latin1', from, to);
  switch (mimeType) {
    case 'image/jpeg':
      return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
    case 'image/png':
      return text(0, 8) === '\x89PNG\r\n\x1a\n';
    case 'image/webp':
      return text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP';
    case 'image/heic':
    case 'image/heif':
      return text(4, 8) === 'ftyp';
    default:
      return false;
  }
}

/** The type of a picture that was painted or given as the answer. */
export function pictureMimeType(picture: Buffer): string {
  if (picture[0] === 0x89) return 'image/png';
  return picture[0] === 0x52 ? 'image/webp' : 'image/jpeg';
}
