import type { Db } from '../../src/db/db.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import type { StationAnswer } from '../station.ts';

/** What the demo shows of one photo. Durations in milliseconds. */
export interface DemoRow {
  readonly slotId: string;
  readonly providerId: string;
  readonly attempts: number;
  readonly status: number;
  readonly sizeBytes: number;
  readonly queueMs: number | undefined;
  readonly providerMs: number | undefined;
  /** The station's whole wait without the provider's calls and the pauses between them; only for a picture that came. */
  readonly addedMs: number | undefined;
  readonly file: string | undefined;
  readonly link: string | undefined;
}

interface Shot {
  readonly slotId: string;
  readonly answer: StationAnswer;
  readonly file: string | undefined;
  readonly publicBaseUrl: string;
}

/** Reads a photo's story from its events. */
export async function readDemoRow(db: Db, { slotId, answer, file, publicBaseUrl }: Shot): Promise<DemoRow> {
  const jobId = jobIdOf(answer);
  const events = jobId === undefined ? [] : await listProcessingLog(db, jobId);
  const at = (status: string) => events.find((event) => event.status === status)?.occurredAt.getTime();
  const [received, dispatched] = [at('received'), at('dispatched')];
  const responses = events.filter((event) => event.status === 'provider_responded');
  const latencies = responses.map((event) => event.providerLatencyMs ?? 0);
  const providerMs = latencies.length === 0 ? undefined : latencies.reduce((sum, latency) => sum + latency, 0);
  const isDone = answer.status === 200;
  return {
    slotId,
    providerId: String(
      events.findLast((event) => event.details?.provider_id !== undefined)?.details?.provider_id ?? '–',
    ),
    attempts: events.filter((event) => event.status === 'dispatched').length,
    status: answer.status,
    sizeBytes: answer.body.length,
    queueMs: received === undefined || dispatched === undefined ? undefined : dispatched - received,
    providerMs,
    addedMs: isDone && providerMs !== undefined ? answer.timing.totalMs - providerMs : undefined,
    file,
    link: isDone && jobId !== undefined ? `${publicBaseUrl}/public/results/${jobId}` : undefined,
  };
}

function jobIdOf(answer: StationAnswer): string | undefined {
  const header = answer.headers.get('x-job-id');
  if (header !== undefined && header !== null) return header;
  const body = JSON.parse(answer.body.toString()) as { error?: { details?: { job_id?: string } } };
  return body.error?.details?.job_id;
}
