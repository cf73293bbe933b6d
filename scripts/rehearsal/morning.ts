/** What the morning is like: who takes photos when, what the slots are set to, and which service is ill when. */
import { createRandom } from '../scene/random.ts';
import type { FaultShares } from './draw-fault.ts';

/** One guest's photo. */
export interface Shot {
  readonly no: number;
  readonly slotId: string;
  /** Milliseconds after the morning's begin. */
  readonly atMs: number;
}

/** A stretch of the morning, as shares of it, in which a service is ill. */
export interface Trouble {
  readonly providerId: string;
  readonly fault: 'throttled' | 'down';
  readonly from: number;
  readonly until: number;
}

/** What a morning is drawn from. */
export interface Weather {
  readonly shares: FaultShares;
  readonly troubles: readonly Trouble[];
}

/** The morning that the bars are meant for. */
export const BAD_WEATHER: Weather = {
  shares: { noImage: 15, serverError: 5, hang: 3, cut: 2 },
  troubles: [
    { providerId: 'openai', fault: 'down', from: 1 / 3, until: 2 / 3 },
    { providerId: 'gemini', fault: 'throttled', from: 0.5, until: 0.7 },
  ],
};

/** Faults that pass quickly, for a look whether everything works. */
export const MILD_WEATHER: Weather = { shares: { noImage: 10, serverError: 5, hang: 0, cut: 2 }, troubles: [] };

/** Spreads the photos over the slots and over the morning, evenly but for some jitter. */
export function planShots({ seed, photos, lengthMs }: { seed: number; photos: number; lengthMs: number }): Shot[] {
  const random = createRandom(seed);
  const spacingMs = lengthMs / photos;
  return Array.from({ length: photos }, (_, index) => ({
    no: index + 1,
    slotId: random.pick(MORNING_SLOTS).slotId,
    atMs: Math.round((index + random.between(0, 1)) * spacingMs),
  }));
}

/** Who makes the pictures of a slot, and who is asked next. */
export interface MorningSlot {
  readonly slotId: string;
  readonly providerId: string;
  readonly nextProviderId: string;
  readonly repeatPaidCalls: 'never' | 'when_uncertain';
}

const slots: readonly (readonly [providerId: string, nextProviderId: string, repeats?: 'never'])[] = [
  ['gemini', 'openai'],
  ['gemini', 'openai', 'never'],
  ['gemini', 'fal'],
  ['gemini', 'bfl'],
  ['gemini', 'replicate', 'never'],
  ['openai', 'gemini'],
  ['openai', 'gemini', 'never'],
  ['openai', 'fal'],
  ['turbotext', 'gemini'],
  ['turbotext', 'openai', 'never'],
  ['replicate', 'fal'],
  ['replicate', 'gemini', 'never'],
  ['fal', 'bfl'],
  ['fal', 'openai'],
  ['bfl', 'replicate', 'never'],
];

/** All 15 slots. */
export const MORNING_SLOTS: readonly MorningSlot[] = slots.map(([providerId, nextProviderId, repeats], index) => ({
  slotId: `slot-${String(index + 1).padStart(3, '0')}`,
  providerId,
  nextProviderId,
  repeatPaidCalls: repeats ?? 'when_uncertain',
}));
