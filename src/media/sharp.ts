/**
 * The one door to sharp: everything that decodes or encodes pixels imports it from here, so that the settings of the
 * process hold everywhere.
 */
import sharp, { type Sharp } from 'sharp';

/**
 * One thread per picture. Photos arrive together, so the cores are busy with several pictures anyway; libvips' own
 * threads would add memory and switching, and libuv's pool already bounds how many run at once.
 */
sharp.concurrency(1);

/** libvips' cache of operations never hits here (every photo is new) and would keep guests' pixels in memory. */
sharp.cache(false);

/**
 * Only the loaders of photo formats stay, and SVG, with which the studio draws its captions. No picture from outside
 * reaches SVG: text is refused by its first bytes. PDF, PPM, FITS, CSV and the rest are attack surface that nothing
 * here needs.
 */
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpeg',
    'VipsForeignLoadPng',
    'VipsForeignLoadWebp',
    'VipsForeignLoadNsgif',
    'VipsForeignLoadTiff',
    'VipsForeignLoadHeif',
    'VipsForeignLoadSvg',
  ],
});

/** Colour, transparency and a spare; more channels are scientific files that would cost memory per channel. */
const CHANNELS_MAX = 5;

/**
 * sharp, with the settings above. For bytes from outside prefer {@link openImage}: the limits of one picture are its
 * options.
 */
export const openPixels: typeof sharp = sharp;

/**
 * Opens a picture from outside for decoding. Nothing is read before the pipeline runs; a `Buffer` must stay unchanged
 * until it ended.
 *
 * - `limitInputPixels`: without it a PNG of 758 kB costs 2.3 GB.
 * - `failOn: 'warning'`: a JPEG that was cut off and closed again with an end marker is a mere warning to the decoder;
 *   half a grey picture must not reach a guest.
 * - `sequentialRead`: pixels pass through in strips; the whole picture is never in memory unless it has to be turned.
 *
 * @param input bytes or the absolute path of a file.
 * @param pixelsMax width × height; decoding rejects beyond it, before any pixel is read.
 */
export function openImage(input: Buffer | string, pixelsMax: number): Sharp {
  return sharp(input, {
    limitInputPixels: pixelsMax,
    limitInputChannels: CHANNELS_MAX,
    failOn: 'warning',
    sequentialRead: true,
    unlimited: false,
    animated: false,
  });
}
