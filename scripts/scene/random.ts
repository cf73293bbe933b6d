/** A stream of numbers that is the same for the same seed, on every machine. Not for secrets. */
export interface Random {
  /** From `low` up to, but not including, `high`. */
  between(low: number, high: number): number;
  /** One of the list, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
}

/** The generator mulberry32: 32 bits of state, even enough for lights and grain. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (low, high) => low + next() * (high - low),
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
}
