/** How a provider did lately. */
export type ProviderHealth = 'unknown' | 'healthy' | 'degraded' | 'failing';

/** How far back calls are looked at, in minutes. */
export const HEALTH_MINUTES = 15;

/**
 * Outcomes of a call that speak against the provider. A refusal of a picture, or a request that was wrong, speaks against the
 * photo or the slot's settings.
 */
export const UNHEALTHY_OUTCOMES = ['throttled', 'unavailable', 'empty', 'invalid_key', 'bad_answer'] as const;

/** One failed call in a few says nothing; half of the calls do. */
const CALLS_MIN = 3;
const FAILING_SHARE = 0.5;
const DEGRADED_SHARE = 0.1;

/** Judges a provider by its latest calls. */
export function judgeHealth({ calls, failures }: { calls: number; failures: number }): ProviderHealth {
  if (calls === 0) return 'unknown';
  const share = failures / calls;
  if (calls >= CALLS_MIN && share >= FAILING_SHARE) return 'failing';
  return share > DEGRADED_SHARE ? 'degraded' : 'healthy';
}
