import sharp, { type Sharp } from 'sharp';
import { rehearsalStamp } from './rehearsal-stamp.ts';

/** What the painted picture has to be. */
export interface PictureWishes {
  /** Default: JPEG. */
  readonly format?: 'jpeg' | 'png' | 'webp';
  /** EXIF orientation written into the picture, 1–8. */
  readonly orientation?: number;
  /** Exactly this size. Default: that of the photo, at most {@link SIDE_PX_MAX} pixels a side. */
  readonly widthPx?: number;
  readonly heightPx?: number;
}

const SIDE_PX_MAX = 1024;
const PIXELS_MAX = 110_000_000;
const MIME_TYPES = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' } as const;

/** How much of the picture's width the stamp takes. */
const STAMP_SHARE = 0.6;

/** The picture the simulated model paints: the photo itself, smaller, in loud comic colours and stamped REHEARSAL. */
export async function paintPicture(photo: Buffer, wishes: PictureWishes): Promise<{ bytes: Buffer; mimeType: string }> {
  const { format = 'jpeg', orientation } = wishes;
  const look = (await isReadable(photo)) ? comicOf(photo, wishes) : plainPicture(wishes);
  const stamped = await stamp(look);
  const oriented = orientation === undefined ? stamped : stamped.withMetadata({ orientation });
  return { bytes: await oriented.toFormat(format, { quality: 90 }).toBuffer(), mimeType: MIME_TYPES[format] };
}

async function stamp(look: Sharp): Promise<Sharp> {
  const { data, info } = await look.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const picture = sharp(data, { raw: { width, height, channels } });
  const widthPx = Math.round(width * STAMP_SHARE);
  // a sliver has no room for it
  if (widthPx < 50 || height < widthPx / 3) return picture;
  return picture.composite([{ input: rehearsalStamp(widthPx), gravity: 'south' }]).removeAlpha();
}

function comicOf(photo: Buffer, { widthPx, heightPx }: PictureWishes): Sharp {
  const size =
    widthPx !== undefined && heightPx !== undefined
      ? { width: widthPx, height: heightPx, fit: 'cover' as const }
      : { width: SIDE_PX_MAX, height: SIDE_PX_MAX, fit: 'inside' as const, withoutEnlargement: true };
  return sharp(photo, { limitInputPixels: PIXELS_MAX })
    .autoOrient()
    .resize(size)
    .median(5)
    .modulate({ saturation: 1.9 })
    .linear(1.35, -30)
    .sharpen({ sigma: 2 });
}

/** Stands in for photos this decoder cannot read, such as HEIC. */
function plainPicture({ widthPx = 1024, heightPx = 768 }: PictureWishes): Sharp {
  return sharp({ create: { width: widthPx, height: heightPx, channels: 3, background: '#f5b301' } });
}

async function isReadable(photo: Buffer): Promise<boolean> {
  return await sharp(photo, { limitInputPixels: PIXELS_MAX })
    .metadata()
    .then(
      () => true,
      () => false,
    );
}
