/** An OpenAI adapter beside a simulator of its service, for one test after another. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type OpenAiSimulator, startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import type { HttpProvider } from '../../src/providers/http-provider.ts';
import { createOpenAiProvider } from '../../src/providers/openai/openai-provider.ts';
import type { CallOutcome, SourceImage } from '../../src/providers/provider.ts';
import { contextOf, countingSlabs, createPhotoFolder, editInput, openFilesBelow, type PhotoFolder } from './gemini.ts';

export const OPENAI_KEY = 'sk-proj-Test0123456789_abcdefghijklmnop-WXYZ';

export interface OpenAiBench {
  readonly folder: PhotoFolder;
  readonly simulator: OpenAiSimulator;
  readonly provider: HttpProvider;
  readonly slabs: ReturnType<typeof countingSlabs>;
  /** The key the adapter is given at its next call. */
  apiKey: string | undefined;
  submit(settings?: Record<string, unknown>, photo?: SourceImage): Promise<CallOutcome>;
}

/** Registers the hooks of a test file: everything is new before each test, and nothing may be left after it. */
export function useOpenAi(options: { readonly connectionsMax?: number } = {}): OpenAiBench {
  const bench = {} as { -readonly [Key in keyof OpenAiBench]: OpenAiBench[Key] };
  beforeAll(async () => {
    bench.folder = await createPhotoFolder();
  });
  afterAll(() => bench.folder.remove());
  beforeEach(async () => {
    bench.apiKey = OPENAI_KEY;
    bench.slabs = countingSlabs();
    bench.simulator = await startOpenAiSimulator({ apiKey: OPENAI_KEY });
    bench.provider = createOpenAiProvider({
      baseUrl: bench.simulator.url,
      apiKey: () => bench.apiKey,
      takeSlab: bench.slabs.takeSlab,
      ...options,
    });
    bench.submit = (settings = {}, photo = bench.folder.photo) =>
      bench.provider.submit(editInput(photo, settings), contextOf());
  });
  afterEach(async () => {
    await bench.provider.close();
    await bench.simulator.stop();
    expect(bench.slabs.lent()).toBe(0);
    expect(openFilesBelow(bench.folder.path)).toBe(0);
  });
  return bench;
}
