import { createRandom, type Random } from '../scene/random.ts';
import type { Behaviour } from './behaviour-script.ts';

/** A way a service behaves, and in how many cases of all the weights together. */
export interface Mood<Kind extends Behaviour> {
  /** A whole number. */
  readonly weight: number;
  make(random: Random): Kind;
}

/** Behaviours at random, one a call; the same seed gives the same order on every machine. The list must not be empty. */
export function randomBehaviours<Kind extends Behaviour>(moods: readonly Mood<Kind>[], seed: number): () => Kind {
  const random = createRandom(seed);
  const drawn = moods.flatMap((mood) => Array<Mood<Kind>>(mood.weight).fill(mood));
  return () => random.pick(drawn).make(random);
}
