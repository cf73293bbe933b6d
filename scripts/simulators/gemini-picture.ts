import sharp, { type Sharp } from 'sharp';
import type { SuccessBehaviour } from './gemini-behaviour.ts';

const SIDE_PX_MAX = 1024;
const PIXELS_MAX = 110_000_000;
const MIME_TYPES = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' } as const;

/** The picture the simulated model paints: the photo itself, smaller and in loud comic colours. */
export async function paintPicture(
  photo: Buffer,
  behaviour: Partial<SuccessBehaviour>,
): Promise<{ bytes: Buffer; mimeType: string }> {
  const format = behaviour.format ?? 'jpeg';
  const orientation = behaviour.orientation;
  const look = (await isReadable(photo)) ? comicOf(photo) : plainPicture();
  const oriented = orientation === undefined ? look : look.withMetadata({ orientation });
  return { bytes: await oriented.toFormat(format, { quality: 90 }).toBuffer(), mimeType: MIME_TYPES[format] };
}

function comicOf(photo: Buffer): Sharp {
  return sharp(photo, { limitInputPixels: PIXELS_MAX })
    .autoOrient()
    .resize({ width: SIDE_PX_MAX, height: SIDE_PX_MAX, fit: 'inside', withoutEnlargement: true })
    .median(5)
    .modulate({ saturation: 1.9 })
    .linear(1.35, -30)
    .sharpen({ sigma: 2 });
}

/** Stands in for photos this decoder cannot read, such as HEIC. */
function plainPicture(): Sharp {
  return sharp({ create: { width: 1024, height: 768, channels: 3, background: '#f5b301' } });
}

async function isReadable(photo: Buffer): Promise<boolean> {
  return await sharp(photo, { limitInputPixels: PIXELS_MAX })
    .metadata()
    .then(
      () => true,
      () => false,
    );
}
