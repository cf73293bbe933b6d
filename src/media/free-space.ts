import { statfs } from 'node:fs/promises';
import { storageUnavailable } from './storage-fault.ts';

/** Watches the room on a disk. */
export interface FreeSpace {
  /** What the disk has for this user, now. @throws DomainError `storage_unavailable` when the disk does not answer. */
  freeBytes(): Promise<number>;
  /** @throws DomainError `storage_unavailable` when less than the reserve was free within the last second. */
  assertFree(): Promise<void>;
}

/** What is watched. */
export interface FreeSpaceOptions {
  readonly root: string;
  /** The reserve that uploads and results leave alone. */
  readonly freeBytesMin: number;
  /** The process's monotonic clock, in milliseconds. */
  readonly monotonicNow: () => number;
}

/** A burst of uploads asks the disk once; a second of uploads is far below any sensible reserve. */
const LOOK_EVERY_MS = 1_000;

/** @param options see {@link FreeSpaceOptions}. */
export function watchFreeSpace({ root, freeBytesMin, monotonicNow }: FreeSpaceOptions): FreeSpace {
  let lastLook: { readonly at: number; readonly free: Promise<number> } | undefined;

  async function freeBytes(): Promise<number> {
    try {
      const disk = await statfs(root);
      return disk.bavail * disk.bsize;
    } catch (error) {
      throw storageUnavailable('The media disk does not say how much room it has. Check that it is mounted.', error);
    }
  }

  return {
    freeBytes,
    async assertFree() {
      const now = monotonicNow();
      if (lastLook === undefined || now - lastLook.at >= LOOK_EVERY_MS) lastLook = { at: now, free: freeBytes() };
      if ((await lastLook.free) >= freeBytesMin) return;
      throw storageUnavailable(
        `The media disk has less than its reserve of ${freeBytesMin} bytes left. Make room on it.`,
      );
    },
  };
}
