/** An installation of several processes: one database, one media folder, one simulated Gemini. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type GeminiSimulator, startGeminiSimulator } from '../../scripts/simulators/gemini.ts';
import { postPhoto, type StationAnswer } from '../../scripts/station.ts';
import type { Db } from '../../src/db/db.ts';
import { createKysely } from '../../src/db/pool.ts';
import { thumbnailPathOf } from '../../src/media/media-paths.ts';
import { listProcessingLog, type ProcessingEvent } from '../../src/repositories/processing-log.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { makeHome, removeHome } from './home.ts';
import { makePhoto } from './images.ts';
import { type ProgramOptions, reapPrograms, runProgram } from './process.ts';
import { prefixed, type ServerProcess, startServerProcess } from './server-process.ts';

export const INGEST_PASSWORD = 'installation-password';
export const GEMINI_API_KEY = 'installation-gemini-key';
/** The slot that the simulated Gemini serves. */
export const GEMINI_SLOT = 'slot-002';

export interface Installation {
  readonly database: TestDatabase;
  readonly db: Db;
  readonly gemini: GeminiSimulator;
  /** What stations send, and what Gemini makes of it. */
  readonly photo: Buffer;
  readonly picture: Buffer;
  readonly mediaRoot: string;
  /** What every process of it is started with, without the prefix. */
  readonly environment: Readonly<Record<string, string>>;
  start(
    environment?: Readonly<Record<string, string>>,
    options?: Omit<ProgramOptions, 'environment'>,
  ): Promise<ServerProcess>;
  /** Posts the photo and holds the connection. */
  post(server: { readonly url: string }, slotId?: string, signal?: AbortSignal): Promise<StationAnswer>;
  events(jobId: string): Promise<ProcessingEvent[]>;
  files(): Promise<string[]>;
  /** Runs the administrator's command line on it; rejects unless it succeeds. @returns what it printed. */
  admin(words: readonly string[], options?: Omit<ProgramOptions, 'environment'>): Promise<string>;
  /** Ends every process, the simulator and the database, and removes the files. */
  end(): Promise<void>;
}

/** Makes one with no process yet. @param windowSeconds how long its requests are held. */
export async function createInstallation({ windowSeconds = 20, leaseSeconds = 2 } = {}): Promise<Installation> {
  const database = await createTestDatabase();
  const db = { pool: database.pool, kysely: createKysely(database.pool) };
  const home = makeHome();
  const mediaRoot = join(home, 'shared-media');
  await mkdir(mediaRoot);
  const photo = await makePhoto({ widthPx: 320, heightPx: 240 });
  const picture = await makePhoto({ widthPx: 160, heightPx: 120 });
  const gemini = await startGeminiSimulator({ apiKey: GEMINI_API_KEY, answer: picture });
  await useGemini(db);
  const environment = {
    HOME: home,
    DATABASE_URL: database.url,
    MEDIA_ROOT: mediaRoot,
    MEDIA_FREE_BYTES_MIN: '0',
    INGEST_PASSWORD,
    GEMINI_API_KEY,
    GEMINI_BASE_URL: gemini.url,
    T_SYNC_RESPONSE_SECONDS: String(windowSeconds),
    LEASE_SECONDS: String(leaseSeconds),
  };
  return {
    database,
    db,
    gemini,
    photo,
    picture,
    mediaRoot,
    environment,
    start: (more = {}, options = {}) => startServerProcess({ ...environment, ...more }, options),
    post: ({ url }, slotId = GEMINI_SLOT, signal) =>
      postPhoto({
        url: `${url}/ingest/${slotId}`,
        password: INGEST_PASSWORD,
        photo,
        timeoutMs: 60_000,
        ...(signal && { signal }),
      }),
    events: (jobId) => listProcessingLog(db, jobId),
    files: () => filesBelow(mediaRoot),
    admin: (words, options = {}) => runAdmin(environment, words, options),
    end: async () => {
      await reapPrograms();
      await gemini.stop();
      await database.drop();
      await removeHome(home);
    },
  };
}

/** Lets the simulated Gemini serve its slot. */
export async function useGemini(db: Db): Promise<void> {
  await updateSlot(db, GEMINI_SLOT, {
    providerId: 'gemini',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.' },
    isEnabled: true,
  });
}

async function runAdmin(
  environment: Readonly<Record<string, string>>,
  words: readonly string[],
  options: Omit<ProgramOptions, 'environment'>,
): Promise<string> {
  const ending = await runProgram('scripts/admin.ts', words, { ...options, environment: prefixed(environment) });
  if (ending.code !== 0)
    throw new Error(`admin ${words.join(' ')} ended with ${ending.code}\n${ending.stdout}\n${ending.stderr}`);
  return ending.stdout;
}

/** The files below a folder, relative, sorted. */
export async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** Lets every file below a folder be an hour older than it is. */
export async function ageFiles(root: string): Promise<void> {
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const file of await filesBelow(root)) await utimes(join(root, file), hourAgo, hourAgo);
}

/** The job a station's answer is about. @throws Error when it names none. */
export function jobIdOf({ status, headers, body }: StationAnswer): string {
  if (status === 200) return headers.get('x-job-id') ?? '';
  const id = JSON.parse(body.toString()).error.details?.job_id;
  if (typeof id !== 'string') throw new Error(`the answer ${status} names no job: ${body}`);
  return id;
}

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Every result's files: the pictures with the rows' checksums, or what is wrong with them; and the thumbnails. */
export async function checkResults(db: Db, mediaRoot: string): Promise<{ known: string[]; faults: string[] }> {
  const rows = await db.kysely
    .selectFrom('job')
    .select(['id', 'result_file_path', 'result_checksum'])
    .where('result_file_path', 'is not', null)
    .execute();
  const known: string[] = [];
  const faults: string[] = [];
  for (const { id, result_file_path, result_checksum } of rows) {
    const path = result_file_path as string;
    known.push(path, thumbnailPathOf(path));
    const bytes = await readFile(join(mediaRoot, path)).catch(() => undefined);
    if (bytes === undefined) faults.push(`${id}: ${path} is missing`);
    else if (sha256Of(bytes) !== result_checksum) faults.push(`${id}: ${path} has another checksum`);
  }
  return { known: known.sort(), faults };
}

const FINAL = new Set(['succeeded', 'failed', 'timeout']);

/** The events that end a job. */
export const finalEvents = (events: readonly ProcessingEvent[]): string[] =>
  events.map(({ status }) => status).filter((status) => FINAL.has(status));
