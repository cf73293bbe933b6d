/** What a morning left behind, read from the database and the media folder without asking the server. */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Config } from '../../src/config.ts';
import type { Db } from '../../src/db/db.ts';
import { createLog } from '../../src/log.ts';
import { openDatabase } from '../../src/main/open-database.ts';
import { thumbnailPathOf } from '../../src/media/media-paths.ts';

/** What was found. */
export interface Findings {
  readonly jobs: number;
  /** Jobs that are not final although every station has its answer. */
  readonly openJobs: number;
  /** Results that were taken after their window had closed. */
  readonly lateAccepted: number;
  /** Rows of the ledger: all, and of providers that are called over the network. */
  readonly attempts: number;
  readonly remoteAttempts: number;
  /** By the ledger: what was charged, and what may have been in addition. */
  readonly cost: number;
  readonly costPerhaps: number;
  readonly currency: string;
  /** Files that belong to no picture that can be fetched. */
  readonly filesLeft: readonly string[];
  /** Pictures whose files are not there. */
  readonly filesMissing: readonly string[];
}

/** The server ends jobs whose stations were told, and removes their files, a moment after the answers. */
const QUIET_LIMIT_MS = 10_000;
const QUIET_POLL_MS = 250;

/** Looks when nothing happens any more, or after ten seconds at what still does. */
export async function lookAfterwards(config: Config): Promise<Findings> {
  const database = await openDatabase(config, createLog('silent'));
  try {
    const limitAt = performance.now() + QUIET_LIMIT_MS;
    for (;;) {
      const findings = await look(database.db, config.mediaRoot);
      const isQuiet = findings.openJobs === 0 && findings.filesLeft.length === 0;
      if (isQuiet || performance.now() > limitAt) return findings;
      await delay(QUIET_POLL_MS);
    }
  } finally {
    await database.close();
  }
}

async function look(db: Db, mediaRoot: string): Promise<Findings> {
  const jobs = await sql<{ jobs: number; open: number; late: number }>`
    select count(*)::int as jobs, count(*) filter (where not is_finalized)::int as open,
      count(*) filter (where is_finalized and failure_reason is null and finalized_at > expires_at)::int as late
    from job`.execute(db.kysely);
  const calls = await sql<{ attempts: number; remote: number; cost: number; perhaps: number }>`
    select count(*)::int as attempts, count(*) filter (where provider_id <> 'studio')::int as remote,
      coalesce(sum(price) filter (where charged = 'yes'), 0)::float8 as cost,
      coalesce(sum(price) filter (where charged = 'maybe'), 0)::float8 as perhaps
    from provider_call`.execute(db.kysely);
  const pricing = await sql<{ currency: string }>`
    select value ->> 'currency' as currency from platform_setting where key = 'pricing'`.execute(db.kysely);
  const results = await db.kysely
    .selectFrom('job')
    .select('result_file_path')
    .where('result_file_path', 'is not', null)
    .execute();
  const paths = results.map(({ result_file_path }) => result_file_path as string);
  return {
    jobs: jobs.rows[0]?.jobs ?? 0,
    openJobs: jobs.rows[0]?.open ?? 0,
    lateAccepted: jobs.rows[0]?.late ?? 0,
    attempts: calls.rows[0]?.attempts ?? 0,
    remoteAttempts: calls.rows[0]?.remote ?? 0,
    cost: calls.rows[0]?.cost ?? 0,
    costPerhaps: calls.rows[0]?.perhaps ?? 0,
    currency: pricing.rows[0]?.currency ?? '',
    ...compareFiles(await filesBelow(mediaRoot), paths),
  };
}

/** @param results the pictures that rows name; each may have a thumbnail beside it. */
export function compareFiles(
  files: readonly string[],
  results: readonly string[],
): Pick<Findings, 'filesLeft' | 'filesMissing'> {
  const there = new Set(files);
  const known = new Set(results.flatMap((path) => [path, thumbnailPathOf(path)]));
  return {
    filesLeft: files.filter((path) => !known.has(path)),
    filesMissing: results.filter((path) => !there.has(path)),
  };
}

/** Every file below a folder, relative to it; none where there is no folder. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
