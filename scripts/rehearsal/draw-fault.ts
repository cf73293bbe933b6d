import { createHash } from 'node:crypto';
import { createRandom, type Random } from '../scene/random.ts';

/** What becomes of a call. `throttled` and `down` are a matter of time, the others are drawn. */
export type Fault = 'none' | 'no_image' | 'server_error' | 'hang' | 'cut' | 'throttled' | 'down';

/** How many of a hundred calls meet each fault. */
export interface FaultShares {
  readonly noImage: number;
  readonly serverError: number;
  readonly hang: number;
  readonly cut: number;
}

/** What was drawn for one call, and chance for its details. */
export interface Draw {
  readonly fault: Fault;
  readonly random: Random;
}

/** Which call. */
export interface CallName {
  readonly photoNo: number;
  readonly providerId: string;
  /** The how-many-eth of this photo at this provider, from 1. */
  readonly callNo: number;
}

/** Draws by the seed and the call alone, so that neither time nor order changes what a call meets. */
export function drawFault(seed: number, { photoNo, providerId, callNo }: CallName, shares: FaultShares): Draw {
  const digest = createHash('sha256').update(`${seed}/${photoNo}/${providerId}/${callNo}`).digest();
  const random = createRandom(digest.readUInt32BE(0));
  const faults: readonly (readonly [Fault, number])[] = [
    ['no_image', shares.noImage],
    ['server_error', shares.serverError],
    ['hang', shares.hang],
    ['cut', shares.cut],
  ];
  let left = random.between(0, 100);
  for (const [fault, share] of faults) {
    if (left < share) return { fault, random };
    left -= share;
  }
  return { fault: 'none', random };
}
