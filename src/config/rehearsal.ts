/** What a rehearsal puts in the place of everything that is configured for real work. */

/** The providers that a simulator stands in for, in the order of their ports. */
export const SIMULATED_PROVIDERS = ['gemini', 'openai', 'turbotext', 'replicate', 'fal', 'bfl'] as const;

/** A provider that a simulator stands in for. */
export type SimulatedProvider = (typeof SIMULATED_PROVIDERS)[number];

/** The first simulator's port where nobody chooses another: `npm run simulators` and a rehearsal agree without being told. */
export const SIMULATORS_PORT = 8190;

/** The only key that a rehearsal sends. */
export const REHEARSAL_KEY = 'rehearsal-key';

/** Where a provider's simulator listens. @param firstPort the first simulator's. */
export const simulatorUrl = (firstPort: number, provider: SimulatedProvider): string =>
  `http://127.0.0.1:${firstPort + SIMULATED_PROVIDERS.indexOf(provider)}`;

/**
 * The variables that a rehearsal does not take from anybody. Addresses and keys become the simulators'. The database, the pictures
 * and the keys of the installation's secrets stay untouched: a rehearsal has its own, made in its own folder. Links begin at the
 * listening address, because those of the real server would lead to it.
 */
export const rehearsedValues = (firstPort: number) => ({
  DATABASE_URL: undefined,
  MEDIA_ROOT: undefined,
  PUBLIC_BASE_URL: undefined,
  JWT_SECRET: undefined,
  SETTINGS_MASTER_KEY: undefined,
  SETTINGS_MASTER_KEY_PREVIOUS: undefined,
  GEMINI_API_KEY: REHEARSAL_KEY,
  GEMINI_BASE_URL: simulatorUrl(firstPort, 'gemini'),
  OPENAI_API_KEY: REHEARSAL_KEY,
  OPENAI_BASE_URL: simulatorUrl(firstPort, 'openai'),
  TURBOTEXT_API_KEY: REHEARSAL_KEY,
  TURBOTEXT_BASE_URL: simulatorUrl(firstPort, 'turbotext'),
  REPLICATE_API_KEY: REHEARSAL_KEY,
  REPLICATE_BASE_URL: simulatorUrl(firstPort, 'replicate'),
  FAL_API_KEY: REHEARSAL_KEY,
  FAL_BASE_URL: simulatorUrl(firstPort, 'fal'),
  BFL_API_KEY: REHEARSAL_KEY,
  BFL_BASE_URL: simulatorUrl(firstPort, 'bfl'),
});
