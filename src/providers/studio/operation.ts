import type { Sharp } from 'sharp';
import type { FramePicture } from '../../media/frame-picture.ts';
import type { PrintShape } from '../../media/print-shape.ts';
import type { Size } from '../../media/size.ts';
import type { OperationDescription, SourceImage } from '../provider.ts';
import type { OpenPicture, WorkLimits } from './open-picture.ts';
import type { Output } from './output.ts';
import type { Settings } from './setting-values.ts';

/** One picture to make. */
export interface StudioTask {
  readonly settings: Settings;
  readonly photo: OpenPicture;
  readonly references: ReadonlyMap<string, readonly SourceImage[]>;
  readonly limits: WorkLimits;
  readonly output: Output;
  /** Laid over what the operation made. */
  readonly frame: FramePicture | undefined;
  /** What becomes of a picture of this size, which the operation makes of the photo in the photo's own resolution. */
  planFor(whole: Size): PrintShape;
}

/** What an operation made: not yet computed, and not yet in its final shape. */
export interface Made {
  readonly pipeline: Sharp;
  /** Of the pipeline's picture. Not larger than the plan needs it. */
  readonly size: Size;
  /** The plan the picture was made for. */
  readonly shape: PrintShape;
}

/** What the studio can do with a photo. */
export interface StudioOperation {
  readonly description: OperationDescription;
  /** @throws StudioFault for what the settings ask in vain, sharp's errors, and the signal's reason between two steps. */
  render(task: StudioTask): Promise<Made> | Made;
}
