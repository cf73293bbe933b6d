import type { ProviderFailure } from './provider.ts';

/** A failure whose words are not yet joined, freed of keys and capped. */
export type Verdict = Omit<ProviderFailure, 'reason'> & { readonly words: readonly (string | undefined)[] };
