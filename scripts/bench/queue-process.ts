/** One queue in the closed loop, in a process of its own; reports what it reached over IPC. */
import { OPEN_JOBS, POOL_SIZE, type StartContender } from './queue-contender.ts';
import { startGraphileWorker } from './queue-graphile.ts';
import { startOwnQueue } from './queue-own.ts';
import { startPgBoss } from './queue-pg-boss.ts';

/** Every queue that is compared, and ours in its ways. */
export const CONTENDERS = {
  'ours, claimed with the enqueue': (options) =>
    startOwnQueue({ ...options, isFused: true, claimers: 0, claimCount: 0 }),
  'ours, claimed one at a time': (options) =>
    startOwnQueue({ ...options, isFused: false, claimers: POOL_SIZE, claimCount: 1 }),
  'ours, claimed by up to 8': (options) => startOwnQueue({ ...options, isFused: false, claimers: 1, claimCount: 8 }),
  'graphile-worker': startGraphileWorker,
  'pg-boss': startPgBoss,
} as const satisfies Record<string, StartContender>;

export type ContenderName = keyof typeof CONTENDERS;

export interface QueueReport {
  readonly fault?: string;
  readonly jobsPerSecond: number;
  /** CPU time of this process, without PostgreSQL's. */
  readonly cpuMsPerJob: number;
}

async function measure(name: ContenderName, url: string, warmUpMs: number, measuredMs: number): Promise<QueueReport> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  let done = 0;
  let isOver = false;
  const contender = await CONTENDERS[name]({
    url,
    onFault: reject,
    onDone: () => {
      done += 1;
      if (!isOver) contender.add().catch(reject);
    },
  });
  const pass = (ms: number): Promise<void> =>
    Promise.race([failed, new Promise<void>((resolve) => setTimeout(resolve, ms))]);
  for (let open = 0; open < OPEN_JOBS; open += 1) contender.add().catch(reject);
  await pass(warmUpMs);
  const before = { done, at: performance.now(), cpu: process.cpuUsage() };
  await pass(measuredMs);
  const jobs = done - before.done;
  const { user, system } = process.cpuUsage(before.cpu);
  const elapsedMs = performance.now() - before.at;
  isOver = true;
  return { jobsPerSecond: (jobs * 1000) / elapsedMs, cpuMsPerJob: (user + system) / 1000 / Math.max(1, jobs) };
}

if (import.meta.main) {
  const [name = '', url = '', warmUpMs, measuredMs] = process.argv.slice(2);
  process.on('disconnect', () => process.exit());
  const report = await measure(name as ContenderName, url, Number(warmUpMs), Number(measuredMs)).catch(
    (error: unknown): QueueReport => ({ fault: String(error), jobsPerSecond: 0, cpuMsPerJob: 0 }),
  );
  process.send?.(report, () => process.exit());
}
