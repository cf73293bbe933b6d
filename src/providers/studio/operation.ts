import type { OperationDescription, SourceImage } from '../provider.ts';
import type { OpenPicture, WorkLimits } from './open-picture.ts';
import type { Settings } from './setting-values.ts';

/** One picture to make. */
export interface StudioTask {
  readonly settings: Settings;
  readonly photo: OpenPicture;
  readonly references: ReadonlyMap<string, readonly SourceImage[]>;
  readonly limits: WorkLimits;
}

/** What the studio can do with a photo. */
export interface StudioOperation {
  readonly description: OperationDescription;
  /** @throws StudioFault for what the settings ask in vain, sharp's errors, and the signal's reason between two steps. */
  render(task: StudioTask): Promise<Buffer>;
}
