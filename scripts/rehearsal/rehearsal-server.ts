/** A server as an operator starts it for a rehearsal: a process of its own, a throw-away home, an embedded PostgreSQL. */
import { chmodSync, mkdirSync } from 'node:fs';
import { type Config, ENVIRONMENT_PREFIX, readConfig } from '../../src/config.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { FIRST_ADMINISTRATOR } from '../../src/domain/administrators.ts';
import { waitUntilReady } from '../bench/bench-server.ts';
import { startChild } from '../bench/child.ts';
import { createAdministration } from './administration.ts';
import { MORNING_SLOTS, type MorningSlot } from './morning.ts';

/** The ingest password of every rehearsal's server. */
export const PASSWORD = 'rehearsal-password';
const ADMIN_PASSWORD = 'rehearsal-administrator';
/** Photos of a morning without fallback wait for their window's end, many at once; the cap is not what is rehearsed. */
const OPEN_JOBS_MAX = '1000';
const PROMPT = 'Turn the guests into a comic.';
const LAST_LINK = { provider_id: 'studio', operation_id: 'filter', settings_json: { effect: 'vintage' } };
/** What a call costs: made up, near to what the services ask for. */
const PRICES = { gemini: 0.04, openai: 0.05, turbotext: 0.02, replicate: 0.04, fal: 0.03, bfl: 0.04 };

/** A server whose rehearsal is killed ends, too. */
const ENDS_WITH_PARENT = [
  '--import',
  'data:text/javascript,process.once("disconnect",()=>process.kill(process.pid,"SIGTERM"));process.channel?.unref()',
];

/** What a rehearsal's server is started with. */
export interface RehearsalServerOptions {
  /** A folder of this run's own. */
  readonly home: string;
  readonly simulatorsPort: number;
  readonly windowSeconds: number;
  readonly hasFallback: boolean;
  /** Gets what the server writes. */
  readonly onOutput: (text: string) => void;
}

/** A started server with its slots set up. */
export interface RehearsalServer {
  readonly url: string;
  readonly config: Config;
  stop(): Promise<void>;
}

/** Starts the server and sets up its 15 slots. */
export async function startRehearsalServer(options: RehearsalServerOptions): Promise<RehearsalServer> {
  mkdirSync(options.home, { recursive: true });
  // PostgreSQL may run as another user, who has to pass
  chmodSync(options.home, 0o755);
  const environment = environmentOf(options, await findFreePort());
  const child = startChild('src/main.ts', [], {
    environment,
    nodeArguments: ENDS_WITH_PARENT,
    onOutput: options.onOutput,
  });
  const config = readConfig(environment);
  const url = `http://127.0.0.1:${config.values.PORT}`;
  try {
    await waitUntilReady(url, () => child.isRunning());
    const administration = await createAdministration(url, FIRST_ADMINISTRATOR, ADMIN_PASSWORD);
    await administration.put('/api/settings', { pricing: { currency: 'EUR', prices: pricesOf(PRICES) } });
    for (const slot of MORNING_SLOTS)
      await administration.put(`/api/slots/${slot.slotId}`, setupOf(slot, options.hasFallback));
    return { url, config, stop: () => child.end() };
  } catch (error) {
    await child.end();
    throw new Error(`The server of the rehearsal did not start. ${child.complaints()}`, { cause: error });
  }
}

function environmentOf(
  { home, simulatorsPort, windowSeconds }: RehearsalServerOptions,
  port: number,
): Record<string, string> {
  const variables = {
    HOME: home,
    PORT: String(port),
    REHEARSAL: '1',
    SIMULATORS_PORT: String(simulatorsPort),
    INGEST_PASSWORD: PASSWORD,
    ADMIN_PASSWORD,
    T_SYNC_RESPONSE_SECONDS: String(windowSeconds),
    QUEUE_MAX_IN_FLIGHT_JOBS: OPEN_JOBS_MAX,
    WORKER_CONCURRENCY: OPEN_JOBS_MAX,
    MEDIA_FREE_BYTES_MIN: '0',
    SHUTDOWN_GRACE_SECONDS: '1',
  };
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [ENVIRONMENT_PREFIX + name, value]));
}

const pricesOf = (prices: Readonly<Record<string, number>>) =>
  Object.entries(prices).map(([provider_id, price]) => ({ provider_id, model: '*', price }));

function setupOf({ slotId, providerId, nextProviderId, repeatPaidCalls }: MorningSlot, hasFallback: boolean) {
  const edit = (provider_id: string) => ({
    provider_id,
    operation_id: 'image_edit',
    settings_json: { prompt: PROMPT },
  });
  return {
    name: `Booth ${slotId.slice(-2)}`,
    ...edit(providerId),
    is_enabled: true,
    repeat_paid_calls: repeatPaidCalls,
    fallback: hasFallback ? [edit(nextProviderId), LAST_LINK] : [],
  };
}
