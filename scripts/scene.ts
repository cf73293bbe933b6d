/**
 * A photo that no camera took: guests at a party under a string of lights, drawn from a seed. Tests, the demo and the
 * benchmarks use it in place of real people's pictures. `node scripts/scene.ts --help`
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { cameraExif } from './scene/camera-exif.ts';
import { drawBackdrop } from './scene/draw-backdrop.ts';
import { drawGuests } from './scene/draw-guests.ts';
import { fitSize } from './scene/fit-size.ts';
import { createGrain } from './scene/grain.ts';
import { createRandom, type Random } from './scene/random.ts';

/** What the photo is like. The same values give the same bytes with the same sharp. */
export interface SceneOptions {
  /** The stored grid; with an orientation of 5 to 8 the photo is seen with its sides swapped. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly seed: number;
  /** The file's size, met within 3 %; without it the quality is 90. */
  readonly sizeBytesTarget?: number;
  /** Whether the file says camera and time. */
  readonly exif?: boolean;
  /** Whether it says the place, too; implies `exif`. */
  readonly gps?: boolean;
  /** EXIF orientation, 1–8: the pixels are stored turned so that the photo is seen upright. */
  readonly orientation?: number;
}

/**
 * Draws the photo as a JPEG. 3000 × 2000 at 1.6 MB takes about four seconds of one core: callers keep what they need again.
 *
 * @throws RangeError when the picture cannot have that size in bytes, or for an orientation outside 1–8.
 */
export async function renderScene(options: SceneOptions): Promise<Buffer> {
  const { widthPx, heightPx, seed, sizeBytesTarget, gps = false, exif = gps, orientation = 1 } = options;
  const isSideways = orientation >= 5;
  const random = createRandom(seed);
  const upright = await drawPixels(isSideways ? heightPx : widthPx, isSideways ? widthPx : heightPx, random);
  const stored = await turnPixels(upright, orientation);
  const grain = createGrain(widthPx, heightPx, random);
  const encode = (quality: number, sigma: number): Promise<Buffer> => {
    const grainy =
      sigma === 0
        ? open(stored)
        : open(stored)
            .composite([grain.overlay(sigma)])
            .removeAlpha();
    const jpeg = grainy.jpeg({ quality, optimiseCoding: false });
    const described = exif ? jpeg.withExif(cameraExif(seed, gps)) : jpeg;
    return (orientation === 1 ? described : described.withMetadata({ orientation })).toBuffer();
  };
  return sizeBytesTarget === undefined ? encode(90, 10) : fitSize(encode, sizeBytesTarget);
}

interface Pixels {
  readonly bytes: Buffer;
  readonly widthPx: number;
  readonly heightPx: number;
}

function open({ bytes, widthPx, heightPx }: Pixels): Sharp {
  return sharp(bytes, { raw: { width: widthPx, height: heightPx, channels: 3 } });
}

async function readPixels(pipeline: Sharp): Promise<Pixels> {
  const { data, info } = await pipeline.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { bytes: data, widthPx: info.width, heightPx: info.height };
}

/** The background is drawn at a quarter of the size: it is out of focus anyway. */
async function drawPixels(width: number, height: number, random: Random): Promise<Pixels> {
  const small = drawBackdrop(Math.ceil(width / 4), Math.ceil(height / 4), random);
  const blurred = await sharp(Buffer.from(small))
    .blur(1 + Math.min(width, height) / 1500)
    .removeAlpha()
    .png({ compressionLevel: 1 })
    .toBuffer();
  const guests = Buffer.from(drawGuests(width, height, random));
  return readPixels(
    sharp(blurred)
      .resize(width, height, { fit: 'fill' })
      .composite([{ input: guests }]),
  );
}

/** The inverse of what a viewer does by the EXIF orientation. */
async function turnPixels(upright: Pixels, orientation: number): Promise<Pixels> {
  const turned = async (degrees: number): Promise<Pixels> => readPixels(open(upright).rotate(degrees));
  switch (orientation) {
    case 1:
      return upright;
    case 2:
      return readPixels(open(upright).flop());
    case 3:
      return turned(180);
    case 4:
      return readPixels(open(upright).flip());
    case 5:
      return readPixels(open(await turned(90)).flop());
    case 6:
      return turned(270);
    case 7:
      return readPixels(open(await turned(270)).flop());
    case 8:
      return turned(90);
    default:
      throw new RangeError(`An EXIF orientation is 1 to 8, not ${orientation}.`);
  }
}

const HELP = `Draws a photo of a party as a camera would store it.

  node scripts/scene.ts <file.jpg> [options]

  --width <px>        3000
  --height <px>       2000
  --seed <n>          1; another seed, another party
  --size <bytes>      the file's size, met within 3 %
  --exif              write camera and time
  --gps               write the place, too
  --orientation <n>   EXIF orientation, 1 to 8
  -h, --help          this text
`;

const OPTIONS = {
  width: { type: 'string', default: '3000' },
  height: { type: 'string', default: '2000' },
  seed: { type: 'string', default: '1' },
  size: { type: 'string' },
  exif: { type: 'boolean', default: false },
  gps: { type: 'boolean', default: false },
  orientation: { type: 'string', default: '1' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @returns the exit code. */
async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [path] = positionals;
  if (values.help || path === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 1;
  }
  const photo = await renderScene({
    widthPx: wholeNumber('--width', values.width),
    heightPx: wholeNumber('--height', values.height),
    seed: wholeNumber('--seed', values.seed),
    ...(values.size === undefined ? {} : { sizeBytesTarget: wholeNumber('--size', values.size) }),
    exif: values.exif || values.gps,
    gps: values.gps,
    orientation: wholeNumber('--orientation', values.orientation),
  });
  await writeFile(path, photo);
  console.log(`${path}: ${photo.length} bytes`);
  return 0;
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new TypeError(`${option} wants a whole number above 0, not "${text}".`);
  return Number(text);
}

if (import.meta.main) {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
