/** A server beside two simulated services, and a slot whose chain leads over both to the studio. */
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { type OpenAiSimulator, startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import type { StationAnswer } from '../../scripts/station.ts';
import type { FallbackLink } from '../../src/domain/slot-policy.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { type SlotChange, updateSlot } from '../../src/repositories/slots.ts';
import { errorOf } from './http.ts';
import { OPENAI_KEY } from './openai.ts';
import { startTestServer, type TestServer } from './server.ts';
import { GEMINI_KEY } from './slots.ts';

/** The slot with the chain. */
export const CHAIN_SLOT = 'slot-004';

export const OPENAI_LINK: FallbackLink = {
  providerId: 'openai',
  operationId: 'image_edit',
  settings: { prompt: 'Make it a comic.' },
};
export const STUDIO_LINK: FallbackLink = { providerId: 'studio', operationId: 'filter', settings: { effect: 'noir' } };

export interface ChainServer extends TestServer {
  readonly gemini: GeminiSimulator;
  readonly openai: OpenAiSimulator;
}

/** Starts all three. */
export async function startChainServer(environment: Readonly<Record<string, string>> = {}): Promise<ChainServer> {
  const gemini = await startGeminiSimulator({ apiKey: GEMINI_KEY });
  const openai = await startOpenAiSimulator({ apiKey: OPENAI_KEY });
  const server = await startTestServer({
    environment: {
      GEMINI_BASE_URL: gemini.url,
      GEMINI_API_KEY: GEMINI_KEY,
      OPENAI_BASE_URL: openai.url,
      OPENAI_API_KEY: OPENAI_KEY,
      T_SYNC_RESPONSE_SECONDS: '48',
      ...environment,
    },
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    await Promise.all([gemini.stop(), openai.stop()]);
  };
  return { ...server, gemini, openai, stop };
}

/** Gives the slot to Gemini, with the chain and whatever else is said. */
export async function giveChain(
  { db }: TestServer,
  fallback: readonly FallbackLink[],
  change: Partial<SlotChange> = {},
): Promise<void> {
  await updateSlot(db, CHAIN_SLOT, {
    providerId: 'gemini',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.' },
    isEnabled: true,
    repeatPaidCalls: 'when_uncertain',
    dailyBudget: null,
    overBudget: 'fallback',
    ...change,
    fallback,
  });
}

/** Forgets what earlier failures say of the providers. */
export const forgetCircuits = ({ db }: TestServer) => db.pool.query('delete from circuit');

/** Who made the picture of an answer: the provider, and the link of the chain. */
export const makerOf = ({ headers }: StationAnswer): string =>
  `${headers.get('photochanger-provider')} ${headers.get('photochanger-fallback') ?? 'own'}`;

/** The calls of a job in short: `<provider> <outcome>`. */
export async function callsOf({ db }: TestServer, answer: StationAnswer): Promise<string[]> {
  const jobId = answer.headers.get('x-job-id') ?? errorOf(answer).details?.job_id ?? '';
  const events = await listProcessingLog(db, jobId);
  return events
    .filter(({ status }) => status === 'provider_responded')
    .map(({ details }) => `${details?.['provider_id']} ${details?.['outcome']}`);
}
