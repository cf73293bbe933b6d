import type { Sharp, SharpOptions } from 'sharp';
import { openPixels } from '../../media/sharp.ts';
import type { Size } from '../../media/size.ts';
import type { SourceImage } from '../provider.ts';
import { StudioFault } from './studio-fault.ts';

/** What bounds the work on one picture. */
export interface WorkLimits {
  /** The most pixels a picture may have; checked against the header, before anything is decoded. */
  readonly pixelsMax: number;
  /** When the work must be over, on the process's monotonic clock, in milliseconds. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal;
}

/** A picture on disk whose header was read. */
export interface OpenPicture {
  /** Upright, as EXIF orients it. */
  readonly size: Size;
  readonly hasAlpha: boolean;
  /** Whether it names its colour space; its pixels are converted to sRGB in any case. */
  readonly hasProfile: boolean;
  /** A new pipeline that delivers the picture upright and in sRGB, without its metadata. */
  pipeline(): Sharp;
}

/**
 * Opens the guest's photo. A damaged file is decoded as far as it can be (`failOn: 'none'`): a photo with a grey patch, or one
 * that only lacks its last bytes, is what the guest's camera made, and is better than none.
 *
 * @throws StudioFault when it has too many pixels; sharp's error when the header cannot be read.
 */
export function openPhoto(photo: SourceImage, limits: WorkLimits): Promise<OpenPicture> {
  return open(photo, limits, 'none');
}

/** Opens a picture that an administrator chose. Damage is an error here: it can be replaced before the event. */
export function openTemplate(template: SourceImage, limits: WorkLimits): Promise<OpenPicture> {
  return open(template, limits, 'error');
}

/** Colour (CMYK at most), transparency. */
const CHANNELS_MAX = 5;
const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp']);

async function open(source: SourceImage, limits: WorkLimits, failOn: 'none' | 'error'): Promise<OpenPicture> {
  const header = await openPixels(source.path, { failOn, limitInputPixels: limits.pixelsMax }).metadata();
  limits.signal.throwIfAborted();
  if (!FORMATS.has(header.format))
    throw new StudioFault(`The studio reads JPEG, PNG and WebP; this is ${header.format}.`);
  const { width: widthPx, height: heightPx } = header.autoOrient;
  if (widthPx * heightPx > limits.pixelsMax) {
    throw new StudioFault(`The picture has ${widthPx} × ${heightPx} pixels; at most ${limits.pixelsMax} are allowed.`);
  }
  const options: SharpOptions = {
    failOn,
    autoOrient: true,
    limitInputPixels: limits.pixelsMax,
    limitInputChannels: CHANNELS_MAX,
    sequentialRead: true,
    // libvips gives up on a JPEG after about a hundred warnings unless it is unlimited (libvips issue 2749). What the limits
    // guard against is bounded here: the header was just read within them, and a file that is not progressive has one scan.
    unlimited: failOn === 'none' && header.format === 'jpeg' && header.isProgressive !== true,
  };
  return {
    size: { widthPx, heightPx },
    hasAlpha: header.hasAlpha === true,
    hasProfile: header.hasProfile === true,
    pipeline: () => openPixels(source.path, options).timeout({ seconds: secondsLeft(limits.deadlineAt) }),
  };
}

/** sharp counts whole seconds, up to 3600. Its clock only limits the work that goes on after the signal's abort. */
export function secondsLeft(deadlineAt: number): number {
  return Math.min(3600, Math.max(1, Math.ceil((deadlineAt - performance.now()) / 1000)));
}
