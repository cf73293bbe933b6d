/** The machine the figures belong to, and what else it is doing. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** Above this share of all cores used by others the figures are marked as taken under load. */
export const OTHERS_SHARE_MAX = 0.05;

/** Facts for the JSON file; no name of the machine among them. */
export const machineFacts = () => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryBytes: totalmem(),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
  loadAverage: loadavg(),
});

/**
 * Starts to watch what others take of the processors.
 *
 * @returns reads the share of all cores, 0–1, that processes outside this one's tree used since; time stolen by a hypervisor
 * counts as theirs. Undefined where there is no `/proc`.
 */
export function meterOthers(): () => number | undefined {
  const before = readTicks();
  return () => {
    const after = readTicks();
    if (before === undefined || after === undefined) return undefined;
    const others = after.busy - before.busy - (after.own - before.own);
    return Math.min(1, Math.max(0, others / Math.max(1, after.all - before.all)));
  };
}

interface Ticks {
  readonly all: number;
  readonly busy: number;
  /** Of this process, its descendants, and those of them that have ended and were waited for. */
  readonly own: number;
}

function readTicks(): Ticks | undefined {
  try {
    // proc_stat(5): user nice system idle iowait irq softirq steal
    const times = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '')
      .trim()
      .split(/\s+/)
      .slice(1, 9)
      .map(Number);
    const all = times.reduce((sum, time) => sum + time, 0);
    return { all, busy: all - (times[3] ?? 0) - (times[4] ?? 0), own: ownTicks() };
  } catch {
    return undefined;
  }
}

function ownTicks(): number {
  const processes = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readProcess(Number(name))),
  );
  const isOwn = (pid: number | undefined): boolean => {
    if (pid === undefined || pid <= 1) return false;
    return pid === process.pid || isOwn(processes.get(pid)?.parent);
  };
  return [...processes].reduce((sum, [pid, { ticks }]) => sum + (isOwn(pid) ? ticks : 0), 0);
}

/** Nothing for one that has just ended. */
function readProcess(pid: number): [number, { parent: number; ticks: number }][] {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5) from the third field on, behind the name in brackets: state ppid … utime stime cutime cstime
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return [[pid, { parent: Number(fields[1]), ticks }]];
  } catch {
    return [];
  }
}
