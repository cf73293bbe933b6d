import type { Config } from '../config.ts';
import { createSlabPool } from '../media/slabs.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import { createOpenAiProvider } from '../providers/openai/openai-provider.ts';
import { createPollServiceProvider } from '../providers/poll-service/poll-service-provider.ts';
import type { Provider } from '../providers/provider.ts';
import { createRegistry } from '../providers/registry.ts';
import { createStudioProvider } from '../providers/studio/studio-provider.ts';
import { createTurbotextProvider } from '../providers/turbotext/turbotext-provider.ts';
import { readPollServices } from './read-poll-services.ts';

/** Enough for a group of guests at once; what is idle beyond it goes back to the system. */
const IDLE_SLABS = { idleSlabsMax: 32, idleBytesMax: 128 * 2 ** 20 } as const;

/**
 * Every provider of this build, by id, and the way to close their connections.
 *
 * @param keyOf the key that settings hold for a provider; asked at every call. Without one the environment's is used.
 */
export function createProviders(
  config: Config,
  keyOf: (providerId: string) => string | undefined = () => undefined,
): { providers: ReadonlyMap<string, Provider>; close(): Promise<void> } {
  const { values } = config;
  const slabs = createSlabPool(IDLE_SLABS);
  const gemini = createGeminiProvider({
    baseUrl: values.GEMINI_BASE_URL,
    apiKey: () => keyOf('gemini') ?? values.GEMINI_API_KEY,
    takeSlab: slabs.takeSlab,
  });
  const studio = createStudioProvider({ pixelsMax: values.IMAGE_PIXELS_MAX, cores: config.cores });
  const openai = createOpenAiProvider({
    baseUrl: values.OPENAI_BASE_URL,
    apiKey: () => keyOf('openai') ?? values.OPENAI_API_KEY,
    takeSlab: slabs.takeSlab,
  });
  const polled = readPollServices().map((service) => {
    const { baseUrl, apiKey } = pollServiceOptions(config, service.id);
    const options = { baseUrl, apiKey: () => keyOf(service.id) ?? apiKey, takeSlab: slabs.takeSlab };
    return createPollServiceProvider(service, options);
  });
  const turbotext = createTurbotextProvider({
    baseUrl: values.TURBOTEXT_BASE_URL,
    apiKey: () => keyOf('turbotext') ?? values.TURBOTEXT_API_KEY,
    takeSlab: slabs.takeSlab,
  });
  const remote = [gemini, openai, turbotext, ...polled];
  return {
    providers: createRegistry([studio, ...remote]),
    close: async () => {
      await Promise.all(remote.map((provider) => provider.close()));
    },
  };
}

/** The environment's part of a poll service's options. @throws Error when the service has no variables. */
function pollServiceOptions({ values }: Config, id: string): { baseUrl: string; apiKey: string | undefined } {
  switch (id) {
    case 'replicate':
      return { baseUrl: values.REPLICATE_BASE_URL, apiKey: values.REPLICATE_API_KEY };
    case 'fal':
      return { baseUrl: values.FAL_BASE_URL, apiKey: values.FAL_API_KEY };
    case 'bfl':
      return { baseUrl: values.BFL_BASE_URL, apiKey: values.BFL_API_KEY };
    default:
      throw new Error(`the poll service "${id}" has no variables for its address and key`);
  }
}
