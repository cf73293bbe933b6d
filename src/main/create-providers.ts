import type { Config } from '../config.ts';
import { createSlabPool } from '../media/slabs.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import { AddressFault, type Resolve } from '../providers/guarded-connect.ts';
import { createOpenAiProvider } from '../providers/openai/openai-provider.ts';
import { createPollServiceProvider } from '../providers/poll-service/poll-service-provider.ts';
import type { Provider } from '../providers/provider.ts';
import { createRegistry } from '../providers/registry.ts';
import { createStudioProvider } from '../providers/studio/studio-provider.ts';
import { createTurbotextProvider } from '../providers/turbotext/turbotext-provider.ts';
import { createKeyIds } from './provider-key-ids.ts';
import { readPollServices } from './read-poll-services.ts';

/** Enough for a group of guests at once; what is idle beyond it goes back to the system. */
const IDLE_SLABS = { idleSlabsMax: 32, idleBytesMax: 128 * 2 ** 20 } as const;

/** The providers of a process. */
export interface ProvidersInUse {
  readonly providers: ReadonlyMap<string, Provider>;
  /** A digest of the key that a provider is called with now; empty where it has none. */
  readonly keyIdOf: (providerId: string) => string;
  close(): Promise<void>;
}

/**
 * Every provider of this build, by id, and the way to close their connections.
 *
 * A rehearsal's reach nothing but the simulators: no stored key is asked for, and no host name leads anywhere.
 *
 * @param storedKeyOf the key that settings hold for a provider; asked at every call. Without one the environment's is used.
 */
export function createProviders(
  config: Config,
  storedKeyOf: (providerId: string) => string | undefined = () => undefined,
): ProvidersInUse {
  const { values, isRehearsal } = config;
  const keyOf = (id: string) => (isRehearsal ? undefined : storedKeyOf(id)) ?? environmentKey(config, id);
  const resolve = isRehearsal ? refuseNames : undefined;
  const slabs = createSlabPool(IDLE_SLABS);
  const gemini = createGeminiProvider({
    baseUrl: values.GEMINI_BASE_URL,
    apiKey: () => keyOf('gemini'),
    takeSlab: slabs.takeSlab,
  });
  const studio = createStudioProvider({ pixelsMax: values.IMAGE_PIXELS_MAX, cores: config.cores });
  const openai = createOpenAiProvider({
    baseUrl: values.OPENAI_BASE_URL,
    apiKey: () => keyOf('openai'),
    takeSlab: slabs.takeSlab,
  });
  const polled = readPollServices().map((service) => {
    const baseUrl = pollServiceUrl(config, service.id);
    const options = { baseUrl, apiKey: () => keyOf(service.id), takeSlab: slabs.takeSlab, resolve };
    return createPollServiceProvider(service, options);
  });
  const turbotext = createTurbotextProvider({
    baseUrl: values.TURBOTEXT_BASE_URL,
    apiKey: () => keyOf('turbotext'),
    takeSlab: slabs.takeSlab,
    resolve,
  });
  const remote = [gemini, openai, turbotext, ...polled];
  return {
    providers: createRegistry([studio, ...remote]),
    keyIdOf: createKeyIds(keyOf),
    close: async () => {
      await Promise.all(remote.map((provider) => provider.close()));
    },
  };
}

/** The simulators are named by their addresses; whatever else an answer names is refused before a connection is made. */
const refuseNames: Resolve = async (hostname) => {
  throw new AddressFault(`this is a rehearsal, which does not connect to ${hostname}`);
};

/** The environment's key of a provider. */
function environmentKey({ values }: Config, id: string): string | undefined {
  const keys: Readonly<Record<string, string | undefined>> = {
    gemini: values.GEMINI_API_KEY,
    openai: values.OPENAI_API_KEY,
    turbotext: values.TURBOTEXT_API_KEY,
    replicate: values.REPLICATE_API_KEY,
    fal: values.FAL_API_KEY,
    bfl: values.BFL_API_KEY,
  };
  return keys[id];
}

/** Where a poll service is. @throws Error when the service has no variable for it. */
function pollServiceUrl({ values }: Config, id: string): string {
  switch (id) {
    case 'replicate':
      return values.REPLICATE_BASE_URL;
    case 'fal':
      return values.FAL_BASE_URL;
    case 'bfl':
      return values.BFL_BASE_URL;
    default:
      throw new Error(`the poll service "${id}" has no variables for its address and key`);
  }
}
