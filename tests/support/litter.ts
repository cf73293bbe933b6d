/** Everything whose time is over, beside what is alive, with nobody there who would clean up by himself. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import type { Db } from '../../src/db/db.ts';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { administratorToken } from './administrators.ts';
import type { TestDatabase } from './database.ts';
import { idOf, makeFrame, sendMedia, sendTemplate, setLinkLeft } from './media.ts';
import { makeResult, setRetentionLeft } from './results.ts';
import { startTestServer } from './server.ts';

/** Where it lies. */
export interface LitterPlace {
  readonly database: TestDatabase;
  readonly db: Db;
  readonly mediaRoot: string;
}

/**
 * Two expired results (the row of one is old, too), a link that is over, two files that nothing names and an old audit event;
 * and alive: a result, a link, a template. Made by a server that is gone afterwards.
 *
 * @returns the files of what is alive.
 */
export async function makeLitter(
  { database, db, mediaRoot }: LitterPlace,
  photo: Buffer,
): Promise<{ liveFiles: readonly string[] }> {
  const server = await startTestServer({ database, mediaRoot });
  try {
    const uploader = { url: server.url, token: await administratorToken(server) };
    await makeResult(server, photo);
    idOf(await sendMedia(uploader, photo));
    idOf(await sendTemplate(uploader, await makeFrame('#ff0000')));
    const liveFiles = await server.files();
    for (const ageDays of [0, 401]) await expire(db, (await makeResult(server, photo)).jobId, ageDays);
    // a row goes only after the statistics hold it
    await rollTallies(db, 24);
    const over = idOf(await sendMedia(uploader, photo));
    // the sweep of this server would remove it within a second
    await server.stop();
    await setLinkLeft(db, over, -1);
    await leaveBehind(mediaRoot, `payloads/${randomUUID()}.photo`);
    await leaveBehind(mediaRoot, `results/2026-01-31/${randomUUID()}.1.jpg`);
    await database.pool.query(`insert into audit_event (occurred_at, actor, action, object_type)
      values (now() - interval '401 days', 'serg', 'slot.updated', 'slot')`);
    return { liveFiles };
  } finally {
    await server.stop();
  }
}

/** Lets a result be over, and its job have ended so many days ago. */
async function expire(db: Db, jobId: string, days: number): Promise<void> {
  await setRetentionLeft(db, jobId, -1);
  await db.kysely.transaction().execute(async (step) => {
    await sql`set local session_replication_role = replica`.execute(step);
    await sql`update job set finalized_at = finalized_at - ${days} * interval '1 day' where id = ${jobId}`.execute(
      step,
    );
  });
}

/** A file that nothing names, an hour old. */
export async function leaveBehind(mediaRoot: string, path: string): Promise<void> {
  const absolute = join(mediaRoot, path);
  await mkdir(dirname(absolute), { recursive: true });
  await writeFile(absolute, 'left behind');
  const at = Date.now() / 1_000 - 3_600;
  await utimes(absolute, at, at);
}

/** The files below a folder, relative, sorted. */
export async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
