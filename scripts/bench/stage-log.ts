/** The stages of each photo, from the lines the server itself logs. Milliseconds. */
import type { Breakdown } from './benchmark.ts';
import { percentile } from './statistics.ts';

/** One photo: what each stage took. */
export type PhotoStages = Readonly<Record<string, number>>;

interface JobLines {
  ingest?: Readonly<Record<string, number>>;
  worker?: Readonly<Record<string, number>>;
  requestMs?: number;
}

const INGEST_STAGES = ['setup', 'upload', 'enqueue'];
const WORKER_STAGES = ['request', 'provider', 'answer', 'check', 'store', 'finalise'];
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Takes the log apart.
 *
 * @param totalsMs the station's whole wait by job id.
 * @returns the stages of the jobs of which every line is there. `wake`: from the end of the worker's last stage to the waiting
 * request, and before the first one where the job was not claimed with its enqueue; `send`: from there to the kernel having
 * taken the last byte; `connection`: what only the station sees, connecting and the last bytes' way.
 */
export function readStages(output: string, totalsMs: ReadonlyMap<string, number>): PhotoStages[] {
  return [...linesByJob(output)].flatMap(([jobId, { ingest, worker, requestMs }]) => {
    const totalMs = totalsMs.get(jobId);
    if (totalMs === undefined || ingest === undefined || worker === undefined || requestMs === undefined) return [];
    const stages = Object.fromEntries([
      ...INGEST_STAGES.map((name) => [name, ingest[name] ?? 0]),
      ...WORKER_STAGES.map((name) => [name, worker[name] ?? 0]),
    ]);
    return [
      {
        ...stages,
        wake: (ingest['wait'] ?? 0) - sum(Object.values(worker)),
        send: requestMs - sum(Object.values(ingest)),
        connection: totalMs - requestMs,
        total: totalMs,
      },
    ];
  });
}

function linesByJob(output: string): Map<string, JobLines> {
  const jobs = new Map<string, JobLines>();
  for (const text of output.split('\n')) {
    if (!text.startsWith('{') || !text.includes('"job_id"')) continue;
    const line = parseLine(text);
    if (line === undefined) continue;
    const job = jobs.get(line.job_id) ?? {};
    jobs.set(line.job_id, job);
    if (line.msg === 'picture ready' && line.stages_ms !== undefined) job.ingest = line.stages_ms;
    if (line.msg === 'job run ended' && line.stages_ms !== undefined) job.worker = line.stages_ms;
    if (line.msg === 'request' && line.duration_ms !== undefined) job.requestMs = line.duration_ms;
  }
  return jobs;
}

interface LogLine {
  readonly msg: string;
  readonly job_id: string;
  readonly stages_ms?: Readonly<Record<string, number>>;
  readonly duration_ms?: number;
  readonly reason?: string;
  readonly why?: string;
  readonly outcome?: string;
  readonly err?: { readonly message: string };
}

/** The last line may be cut. */
function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

/** The complaints in a log: what was said, why, and how often. */
export function readWarnings(output: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const text of output.split('\n')) {
    if (!/^\{"level":"(?:warn|error|fatal)"/.test(text)) continue;
    const line = parseLine(text);
    if (line === undefined) continue;
    const key = [line.msg, line.reason ?? line.why ?? line.outcome ?? line.err?.message ?? ''].join(': ');
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** One row per stage: mean, p50, p99. The means add up to the total's; percentiles do not. */
export function stageBreakdown(title: string, photos: readonly PhotoStages[]): Breakdown {
  const names = Object.keys(photos[0] ?? {});
  const rows = names.map((name) => {
    const values = photos.map((photo) => photo[name] ?? 0);
    const figures = [sum(values) / values.length, percentile(values, 0.5), percentile(values, 0.99)];
    return [name, ...figures.map((figure) => figure.toFixed(2).padStart(8))];
  });
  return { title: `${title}, ${photos.length} photos`, head: ['stage, ms', '    mean', '     p50', '     p99'], rows };
}
