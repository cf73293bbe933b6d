import type { CleanUpOptions } from './clean-up-options.ts';

/** Removes a bite, or where somebody waits for the figures all there is. @returns how many were removed. */
export async function inBites(
  { isThorough, signal }: Pick<CleanUpOptions, 'isThorough' | 'signal'>,
  bite: () => Promise<number>,
): Promise<number> {
  let removed = 0;
  for (;;) {
    const count = await bite();
    removed += count;
    if (count === 0 || !isThorough || signal?.aborted) return removed;
  }
}
