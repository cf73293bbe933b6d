/** A server as an operator runs it, in a process of its own with an embedded, durable PostgreSQL and a home of its own. */
import { mkdir } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Config, ENVIRONMENT_PREFIX, readConfig } from '../../src/config.ts';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { findFreePort } from '../../src/db/embedded/free-port.ts';
import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { createLog } from '../../src/log.ts';
import { createProviders } from '../../src/main/create-providers.ts';
import { type OpenDatabase, openDatabase } from '../../src/main/open-database.ts';
import { updateLane } from '../../src/repositories/lanes.ts';
import { setIngestPassword } from '../../src/services/settings/first-run.ts';
import { setSlot } from '../../src/services/slot/set-slot.ts';
import { ask, startChild } from './child.ts';
import type { ProbeQuestion, ProbeReading } from './probe.ts';

/** The ingest password of every benchmark's server. */
export const PASSWORD = 'bench-password';
const PROBE = pathToFileURL(join(import.meta.dirname, 'probe.ts')).href;
const READY_LIMIT_MS = 60_000;
const READY_POLL_MS = 5;

export interface BenchServerOptions {
  /** Kept between two servers of one home; removed with the run's folder. */
  readonly home: string;
  /** Where the simulated Gemini is; slot-001 is set to it. */
  readonly geminiUrl?: string;
  /** Calls at once on Gemini's lane. */
  readonly runningMax?: number;
  /** Variables without prefix, over those every benchmark's server has. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
}

export interface BenchServer {
  readonly url: string;
  readonly ingestUrl: string;
  readonly config: Config;
  /** The embedded database, attached to from here. */
  readonly database: OpenDatabase;
  /** Everything written to standard output since the start or the last `forgetOutput`. */
  output(): string;
  forgetOutput(): void;
  probe(question: ProbeQuestion): Promise<ProbeReading>;
  /** Ends the server and its PostgreSQL. */
  stop(): Promise<void>;
}

/** Arguments for Node that load the probe into a program. */
export const probeArguments = (): string[] => ['--import', PROBE];

/** Starts the server, waits until it is ready, and lets slot-001 and Gemini's lane be what the benchmark needs. */
export async function startBenchServer(options: BenchServerOptions): Promise<BenchServer> {
  await mkdir(options.home, { recursive: true });
  const environment = environmentOf(options, await findFreePort());
  let output = '';
  const child = startChild('src/main.ts', [], {
    environment,
    nodeArguments: [...probeArguments(), ...(options.nodeArguments ?? [])],
    onOutput: (text) => {
      output += text;
    },
  });
  const config = readConfig(environment);
  const url = `http://127.0.0.1:${config.values.PORT}`;
  let database: OpenDatabase | undefined;
  try {
    await waitUntilReady(url, () => child.isRunning());
    const opened = await openDatabase(config, createLog('silent'));
    database = opened;
    await setUp(config, opened, options);
    return {
      url,
      ingestUrl: `${url}/ingest/slot-001`,
      config,
      database: opened,
      output: () => output,
      forgetOutput: () => {
        output = '';
      },
      probe: (question) => ask<ProbeReading>(child, question),
      async stop() {
        await opened.close();
        await child.end();
      },
    };
  } catch (error) {
    await database?.close();
    await child.end();
    throw new Error(`The server of a benchmark did not start: ${tail(output)} ${child.complaints()}`, { cause: error });
  }
}

const tail = (text: string): string => text.slice(-1_000);

function environmentOf(
  { home, geminiUrl, environment = {} }: BenchServerOptions,
  port: number,
): Record<string, string> {
  const variables = {
    HOME: home,
    PORT: String(port),
    INGEST_PASSWORD: PASSWORD,
    QUEUE_MAX_IN_FLIGHT_JOBS: '20000',
    SHUTDOWN_GRACE_SECONDS: '1',
    ...(geminiUrl !== undefined && { GEMINI_BASE_URL: geminiUrl, GEMINI_API_KEY: 'bench-key' }),
    ...environment,
  };
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [ENVIRONMENT_PREFIX + name, value]));
}

async function setUp(config: Config, { db }: OpenDatabase, options: BenchServerOptions): Promise<void> {
  const { providers, close } = createProviders(config);
  try {
    await setIngestPassword(db, PASSWORD, 'bench');
    const { runningMax = 200 } = options;
    await updateLane(db, { providerId: 'gemini', runningMax, callsPerMinute: null, callsPerDay: null, openMax: null });
    if (options.geminiUrl === undefined) return;
    const { RESULT_RETENTION_HOURS: retentionHours } = config.values;
    await setSlot({ db, providers, checkSettings: checkProviderSettings, retentionHours }, COMMAND_LINE, {
      slotId: 'slot-001',
      change: {
        providerId: 'gemini',
        operationId: 'image_edit',
        settings: { prompt: 'Turn the guests into a comic.' },
        isEnabled: true,
      },
    });
  } finally {
    await close();
  }
}

/** Polls `/readyz` until it answers 200. @throws Error after a minute, or when `isRunning` says no. */
export async function waitUntilReady(url: string, isRunning: () => boolean): Promise<void> {
  const limitAt = performance.now() + READY_LIMIT_MS;
  while ((await statusOf(`${url}/readyz`)) !== 200) {
    if (!isRunning()) throw new Error('the server ended before it was ready');
    if (performance.now() > limitAt) throw new Error(`the server was not ready after ${READY_LIMIT_MS / 1000} s`);
    await delay(READY_POLL_MS);
  }
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode));
    }).once('error', () => resolve(undefined));
  });
}
