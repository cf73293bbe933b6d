/** The machine the figures belong to. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 700;
/** Above this share of all cores the figures of a benchmark are marked as taken under load. */
export const BUSY_SHARE_MAX = 0.1;

/** Facts for the JSON file; no name of the machine among them. */
export const machineFacts = () => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryBytes: totalmem(),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
  loadAverage: loadavg(),
});

/** The share of all cores that is used just now, 0–1. While nothing of the benchmarks runs: what others take. */
export async function busyShare(): Promise<number> {
  const before = coreTimes();
  await delay(SAMPLE_MS);
  const after = coreTimes();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

function coreTimes(): { idle: number; all: number } {
  const times = cpus().map((core) => core.times);
  const sum = (pick: (core: (typeof times)[number]) => number): number =>
    times.reduce((total, core) => total + pick(core), 0);
  return { idle: sum((core) => core.idle), all: sum((core) => core.user + core.nice + core.sys + core.idle + core.irq) };
}
