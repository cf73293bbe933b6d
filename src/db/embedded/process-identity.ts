import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PROC_STAT_START_TIME = 19;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const bootId = read('/proc/sys/kernel/random/boot_id')?.trim();

function runPs(columns: string, pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** Fields of `/proc/<pid>/stat` after the command name, which may itself hold spaces and brackets (proc(5)). */
function procStat(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Whether the process runs. A zombie does not: it holds nothing any more and may never be reaped where pid 1 is no init. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return bootId === undefined || procStat(pid)?.[0] !== 'Z';
}

/**
 * A text that two processes never share, even when one gets the other's pid later or after a reboot. `undefined` when no
 * such process runs. From `/proc` where there is one (boot id and start tick), else from `ps`; on Windows the pid alone.
 */
export function startIdentity(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined;
  const startTick = bootId === undefined ? undefined : procStat(pid)?.[PROC_STAT_START_TIME];
  if (startTick !== undefined) return `${bootId}:${startTick}`;
  if (process.platform === 'win32') return `pid:${pid}`;
  return runPs('lstart=', pid) ?? `pid:${pid}`;
}

/** The {@link startIdentity} of this process. */
export function ownIdentity(): string {
  return startIdentity(process.pid) ?? `pid:${process.pid}`;
}

/** The process's arguments, or `undefined` when they cannot be read (no such process, a hidden one, Windows). */
export function commandLine(pid: number): string[] | undefined {
  const arguments_ = read(`/proc/${pid}/cmdline`);
  if (arguments_ !== undefined) return arguments_.split('\0').filter((argument) => argument !== '');
  if (process.platform === 'win32' || bootId !== undefined) return undefined;
  return runPs('command=', pid)?.split(' ');
}
