import type { Config } from '../config.ts';
import { createSlabPool } from '../media/slabs.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import type { Provider } from '../providers/provider.ts';
import { createRegistry } from '../providers/registry.ts';
import { createStudioProvider } from '../providers/studio/studio-provider.ts';

/** Enough for a group of guests at once; what is idle beyond it goes back to the system. */
const IDLE_SLABS = { idleSlabsMax: 32, idleBytesMax: 128 * 2 ** 20 } as const;

/** Every provider of this build, by id, and the way to close their connections. */
export function createProviders(config: Config): { providers: ReadonlyMap<string, Provider>; close(): Promise<void> } {
  const { values } = config;
  const slabs = createSlabPool(IDLE_SLABS);
  const gemini = createGeminiProvider({
    baseUrl: values.GEMINI_BASE_URL,
    apiKey: () => values.GEMINI_API_KEY,
    takeSlab: slabs.takeSlab,
  });
  const studio = createStudioProvider({ pixelsMax: values.IMAGE_PIXELS_MAX, cores: config.cores });
  return { providers: createRegistry([studio, gemini]), close: () => gemini.close() };
}
