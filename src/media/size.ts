/** How large a picture is, upright, in whole pixels of at least 1. */
export interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The shorter side, to which borders and letters are measured. */
export function shorterSidePx(size: Size): number {
  return Math.min(size.widthPx, size.heightPx);
}

/** `size` times `factor`, rounded down to whole pixels, never below 1 × 1. */
export function scaleSize(size: Size, factor: number): Size {
  return {
    widthPx: Math.max(1, Math.floor(size.widthPx * factor + ROUNDING)),
    heightPx: Math.max(1, Math.floor(size.heightPx * factor + ROUNDING)),
  };
}

/** 3000 × (1200 / 3000) must be 1200, also in floating point. */
const ROUNDING = 1e-6;

/** The factor that brings the longer side down to `sidePxMax`; never above 1, since enlarging adds nothing to a print. */
export function shrinkFactor(size: Size, sidePxMax: number | undefined): number {
  return sidePxMax === undefined ? 1 : Math.min(1, sidePxMax / Math.max(size.widthPx, size.heightPx));
}
