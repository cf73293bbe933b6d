/** A server beside a simulated Gemini, slots set up for it, and what is true of it once nothing is going on. */
import { expect, vi } from 'vitest';
import {
  type GeminiSimulator,
  type GeminiSimulatorOptions,
  startGeminiSimulator,
} from '../../scripts/simulators/gemini.ts';
import type { Db } from '../../src/db/db.ts';
import { thumbnailPathOf } from '../../src/media/media-paths.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts';
import { openFilesIn } from './upload-server.ts';

/** The slot that {@link startGeminiServer} gives to Gemini. */
export const GEMINI_SLOT = 'slot-002';

export const GEMINI_KEY = 'AIzaSyTest-0123456789_abcdefghijklmnop';

export interface GeminiServer extends TestServer {
  readonly simulator: GeminiSimulator;
}

/** A window that leaves room for retries, as the budget plans with slow calls of 15 s; nothing waits for its end. */
const WINDOW_SECONDS = '12';

/** Starts a simulator and a server that calls it: `slot-001` is the studio's, {@link GEMINI_SLOT} Gemini's. */
export async function startGeminiServer(
  options: TestServerOptions & { readonly simulator?: GeminiSimulatorOptions } = {},
): Promise<GeminiServer> {
  const simulator = await startGeminiSimulator({ apiKey: GEMINI_KEY, ...options.simulator });
  try {
    const environment = {
      GEMINI_BASE_URL: simulator.url,
      GEMINI_API_KEY: GEMINI_KEY,
      T_SYNC_RESPONSE_SECONDS: WINDOW_SECONDS,
      ...options.environment,
    };
    const server = await startTestServer({ ...options, environment });
    await giveToGemini(server.db, GEMINI_SLOT);
    const stop = async (): Promise<void> => {
      await server.stop();
      await simulator.stop();
    };
    return { ...server, simulator, stop };
  } catch (error) {
    await simulator.stop();
    throw error;
  }
}

/** Lets `use` have a server of its own, with the variables given, and sees to it that nothing is left. */
export async function withGeminiServer<Value>(
  environment: Readonly<Record<string, string>>,
  use: (server: GeminiServer) => Promise<Value>,
): Promise<Value> {
  const server = await startGeminiServer({ environment });
  try {
    const value = await use(server);
    await expectNothingLeft(server);
    return value;
  } finally {
    await server.stop();
  }
}

/** Sets a slot up for Gemini and switches it on. */
export async function giveToGemini(
  db: Db,
  slotId: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await updateSlot(db, slotId, {
    providerId: 'gemini',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.', ...settings },
    isEnabled: true,
  });
}

/** Tries again and again until the check passes, at most five seconds. */
export const eventually = <Value>(check: () => Value | Promise<Value>): Promise<Value> =>
  vi.waitFor(check, { timeout: 5_000, interval: 10 });

interface JobFiles {
  readonly id: string;
  readonly is_finalized: boolean;
  readonly result_file_path: string | null;
}

/**
 * What has to be true whenever nothing is going on: every job is final, the files are exactly the results and originals that rows name, with
 * their thumbnails, and none of them is open. Waits a moment for what is still being removed.
 */
export async function expectNothingLeft(server: TestServer): Promise<void> {
  await eventually(async () => {
    const { rows } = await server.db.pool.query<JobFiles>('select id, is_finalized, result_file_path from job');
    expect(rows.filter((job) => !job.is_finalized)).toEqual([]);
    const results = rows.flatMap(({ result_file_path: path }) => (path === null ? [] : [path, thumbnailPathOf(path)]));
    const { rows: originals } = await server.db.pool.query<{ path: string }>('select path from job_original');
    expect(await server.files()).toEqual([...results, ...originals.map(({ path }) => path)].sort());
    expect(await openFilesIn(server.mediaRoot)).toEqual([]);
  });
}

/** How many jobs there are. */
export async function countRows(server: TestServer): Promise<number> {
  const { rows } = await server.db.pool.query<{ count: number }>('select count(*)::int as count from job');
  return rows[0]?.count ?? Number.NaN;
}

/** The id of the only unfinished job, once there is one. */
export const openJobId = (server: TestServer): Promise<string> =>
  eventually(async () => {
    const { rows } = await server.db.pool.query<{ id: string }>('select id from job where not is_finalized');
    expect(rows).toHaveLength(1);
    return (rows[0] as { id: string }).id;
  });
