import type { GeminiBehaviour } from './gemini-behaviour.ts';
import type { Mood } from './random-behaviour.ts';

/** An evening of the real service: mostly pictures, a good share of empty answers that come fast, and now and then something else. */
export const GEMINI_MOODS: readonly Mood<GeminiBehaviour>[] = [
  { weight: 75, make: (random) => ({ kind: 'success', delayMs: Math.round(random.between(5_000, 15_000)) }) },
  { weight: 5, make: (random) => ({ kind: 'success', delayMs: Math.round(random.between(15_000, 40_000)) }) },
  { weight: 10, make: () => ({ kind: 'no_image', delayMs: 1_200 }) },
  { weight: 4, make: (random) => ({ kind: 'status', status: random.pick([500, 503, 504]), delayMs: 2_000 }) },
  { weight: 3, make: () => ({ kind: 'throttled', retryDelaySeconds: 3 }) },
  { weight: 1, make: () => ({ kind: 'safety_block' }) },
  { weight: 1, make: () => ({ kind: 'cut', afterBytes: 10_000, delayMs: 5_000 }) },
  { weight: 1, make: () => ({ kind: 'hang' }) },
];
