import type { Config } from '../config.ts';
import { createSlabPool } from '../media/slabs.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import { createOpenAiProvider } from '../providers/openai/openai-provider.ts';
import type { Provider } from '../providers/provider.ts';
import { createRegistry } from '../providers/registry.ts';
import { createStudioProvider } from '../providers/studio/studio-provider.ts';

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
  return {
    providers: createRegistry([studio, gemini, openai]),
    close: async () => {
      await Promise.all([gemini.close(), openai.close()]);
    },
  };
}
