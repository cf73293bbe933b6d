import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LIMIT_MS = 5_000;

/**
 * Ends PostgreSQL servers below a folder: a server that is interrupted while it starts leaves its own running, for the next start
 * of the same home to adopt. Nobody comes after the end of a run. Waits until they have removed their pid files.
 */
export async function endOrphanedPostgres(directory: string): Promise<void> {
  const limitAt = performance.now() + LIMIT_MS;
  for (let pids = postmastersBelow(directory); pids.length > 0; pids = postmastersBelow(directory)) {
    for (const pid of pids) quit(pid);
    if (performance.now() > limitAt) return;
    await delay(100);
  }
}

function postmastersBelow(directory: string): number[] {
  return globSync('*/postgres/data/postmaster.pid', { cwd: directory }).flatMap((path) => {
    const pid = readPid(join(directory, path));
    return pid > 1 ? [pid] : [];
  });
}

/** NaN when the file has just gone. */
function readPid(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch {
    return Number.NaN;
  }
}

function quit(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {}
}
