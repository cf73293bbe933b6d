/** How far from the wanted size a file may be. */
const SIZE_TOLERANCE = 0.03;

/** Encodes the picture at a JPEG quality with a strength of grain. */
type Encode = (quality: number, sigma: number) => Promise<Buffer>;

const QUALITIES = [90, 75, 50, 25, 10] as const;
const SIGMA_MAX = 150;
const ATTEMPTS_MAX = 20;

/**
 * A file within {@link SIZE_TOLERANCE} of `sizeBytesTarget`: the best quality that leaves room, and grain to fill it. Steps of
 * quality alone are up to a tenth of a file apart; grain has no steps.
 *
 * @throws RangeError when the size is out of reach for these pixels.
 */
export async function fitSize(encode: Encode, sizeBytesTarget: number): Promise<Buffer> {
  for (const quality of QUALITIES) {
    const smooth = await encode(quality, 0);
    if (isNear(smooth, sizeBytesTarget)) return smooth;
    if (smooth.length < sizeBytesTarget) return fillWithGrain((sigma) => encode(quality, sigma), sizeBytesTarget);
  }
  throw new RangeError(`The picture has too many pixels for ${sizeBytesTarget} bytes.`);
}

async function fillWithGrain(encode: (sigma: number) => Promise<Buffer>, sizeBytesTarget: number): Promise<Buffer> {
  let low = 0;
  let high = SIGMA_MAX;
  let sigma = 10;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const file = await encode(sigma);
    if (isNear(file, sizeBytesTarget)) return file;
    if (file.length < sizeBytesTarget) low = sigma;
    else high = sigma;
    sigma = (low + high) / 2;
  }
  throw new RangeError(`The picture has too few pixels for ${sizeBytesTarget} bytes.`);
}

function isNear(file: Buffer, sizeBytesTarget: number): boolean {
  return Math.abs(file.length - sizeBytesTarget) <= sizeBytesTarget * SIZE_TOLERANCE;
}
