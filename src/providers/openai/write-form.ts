import { FILE_EXTENSION } from '../../domain/images.ts';
import type { SourceImage } from '../provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { PlannedCall } from './plan-call.ts';

/**
 * The call as `multipart/form-data` (RFC 7578): text fields first, so that the service can judge them before the images are there.
 * File names are made up: those of the disk are nobody's business.
 *
 * @param boundary must not occur in any value; 128 random bits do not.
 */
export function writeForm({ fields, images }: PlannedCall, boundary: string): RequestContent {
  let text = '';
  for (const [name, value] of fields)
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const name = images.length === 1 ? 'image' : 'image[]';
  const segments: (string | SourceImage)[] = [];
  images.forEach((image, index) => {
    const fileName = `${index === 0 ? 'photo' : `template-${index}`}.${FILE_EXTENSION[image.mimeType]}`;
    const head = `Content-Disposition: form-data; name="${name}"; filename="${fileName}"`;
    segments.push(`${text}--${boundary}\r\n${head}\r\nContent-Type: ${image.mimeType}\r\n\r\n`, image);
    text = '\r\n';
  });
  segments.push(`${text}--${boundary}--\r\n`);
  return { segments, images: 'binary' };
}
