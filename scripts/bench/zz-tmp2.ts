import { mkdtempSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { startBenchServer } from './bench-server.ts';
import { nextMessage, startChild } from './child.ts';
const directory = mkdtempSync('/tmp/bx/q-'); chmodSync(directory, 0o755);
const server = await startBenchServer({ home: join(directory, 'h') });
const k = server.database.db.kysely;
for (const round of [1, 2, 3]) for (const [name, env] of [['graphile-worker', '10'], ['graphile-worker', '12'], ['graphile-worker', '24'], ['graphile-worker', '64'], ['pg-boss', '0']]) {
  await sql`create database contender`.execute(k); await sql`checkpoint`.execute(k);
  const url = new URL(server.database.url); url.pathname = '/contender';
  const child = startChild('scripts/bench/queue-process.ts', [name, url.href, '1000', '2000'], { environment: { BENCH_GRAPHILE_CONCURRENCY: env } });
  const r = await nextMessage(child); console.log(round, name, env, JSON.stringify(r)); await child.end();
  await sql`drop database contender with (force)`.execute(k);
}
await server.stop();
