/** Bounds of a picture's size: https://developers.openai.com/api/docs/guides/image-generation */
const SIDE_STEP_PX = 16;
const SIDE_PX_MAX = 3840;
const RATIO_MAX = 3;
const PIXELS_MIN = 655_360;
const PIXELS_MAX = 3840 * 2160;

/**
 * Says why the service would refuse a picture size; undefined when it would not. The service checks after the photo has travelled,
 * and the settings' schema cannot calculate.
 *
 * @param size `auto`, or width and height in pixels as `1536x1024`.
 */
export function sizeFault(size: string): string | undefined {
  if (size === 'auto') return undefined;
  const sides = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(size)?.slice(1).map(Number);
  if (sides === undefined) return `the size "${size}" is neither auto nor like 1536x1024`;
  const [short = 0, long = 0] = sides.sort((a, b) => a - b);
  const rule = brokenRule(short, long);
  return rule === undefined ? undefined : `the size ${size} cannot be: ${rule}`;
}

function brokenRule(short: number, long: number): string | undefined {
  if (short % SIDE_STEP_PX !== 0 || long % SIDE_STEP_PX !== 0) return `both sides must be divisible by ${SIDE_STEP_PX}`;
  if (long > SIDE_PX_MAX) return `no side may be longer than ${SIDE_PX_MAX} pixels`;
  if (long > short * RATIO_MAX) return `one side may be at most ${RATIO_MAX} times as long as the other`;
  if (short * long < PIXELS_MIN) return `a picture has at least ${PIXELS_MIN} pixels`;
  if (short * long > PIXELS_MAX) return `a picture has at most ${PIXELS_MAX} pixels`;
  return undefined;
}
