/**
 * The metrics of this process. Whoever has something to tell calls one function that adds to a number in memory; a scrape turns
 * the numbers into text, and asks the database and the disk what the whole installation looks like.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Db } from '../db/db.ts';
import type { JobEnd } from '../domain/job.ts';
import type { ProviderFailureFacts } from '../domain/provider-failure.ts';
import type { CleanUpReport } from '../domain/purge.ts';
import { DEFINITIONS } from './definitions.ts';
import { createFigures, type Figures } from './figures.ts';
import { registerProviders } from './provider-metrics.ts';
import { registerNumbers, registerSpreads, type Sample } from './register.ts';
import { createRequestTally } from './request-tally.ts';
import { createCounts, createSpreads } from './tally.ts';

/** The ends of a job, as the label `outcome` says them. */
const JOB_ENDS = ['succeeded', 'timeout', 'provider_error', 'cancelled'] as const satisfies readonly JobEnd[];

/** What a provider call came to: a picture, a failure of its kind, its time was over, it was stopped, or the program failed. */
export type CallEnd = 'image' | ProviderFailureFacts['kind'] | 'timeout' | 'stopped' | 'fault';

const CALL_ENDS = [
  'image',
  'refused',
  'throttled',
  'unavailable',
  'empty',
  'invalid_key',
  'bad_request',
  'bad_answer',
  'timeout',
  'stopped',
  'fault',
] as const satisfies readonly CallEnd[];

/** What is counted, and how it is read. All but `render` cost nanoseconds and never throw. */
export interface Metrics {
  /** The content type of {@link render}, with its parameters. */
  readonly contentType: string;
  /** @param operation `none` where nothing lives at the address. @param status 0 when no whole answer was sent. */
  requestAnswered(operation: string, status: number, seconds: number): void;
  jobClaimed(providerId: string, waitedMs: number): void;
  callEnded(providerId: string, outcome: CallEnd, tookMs: number): void;
  jobEnded(providerId: string, outcome: JobEnd): void;
  lateAnswerRefused(): void;
  jobReclaimed(): void;
  jobsRerouted(count: number): void;
  cleanedUp(removed: Partial<CleanUpReport>): void;
  /** The text form 0.0.4 of all metrics, within about a second, also without database. */
  render(): Promise<string>;
}

/** What the metrics watch. */
export interface MetricsSources {
  readonly db: Db;
  readonly providerIds: readonly string[];
  readonly heldCount: () => number;
  readonly freeBytes: () => Promise<number>;
  /** Whether anybody can read them: only then the process itself is measured, too, which has a small cost of its own. */
  readonly isServed: boolean;
}

/** Metrics that begin at 0. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const events = registerEvents(registry, sources.providerIds);
  const readFigures = createFigures(sources);
  let figures: Figures | undefined;
  registerStates(registry, sources, () => figures);
  registerProviders(registry, sources.providerIds, () => figures);
  if (sources.isServed) collectDefaultMetrics({ register: registry });
  return {
    contentType: registry.contentType,
    ...events,
    async render() {
      figures = await readFigures();
      return registry.metrics();
    },
  };
}

/** What happens in this process. */
function registerEvents(registry: Registry, providerIds: readonly string[]) {
  const requests = createRequestTally(DEFINITIONS.photochanger_http_request_duration_seconds.bounds);
  registerNumbers(registry, 'photochanger_http_requests_total', () =>
    [...requests.entries()].flatMap(([operation, { byStatus }]) =>
      [...byStatus].map(([status, value]) => ({
        labels: [operation, status === 0 ? 'unsent' : String(status)],
        value,
      })),
    ),
  );
  registerSpreads(registry, 'photochanger_http_request_duration_seconds', () =>
    [...requests.entries()].map(([operation, { seconds }]) => ({ labels: [operation], spread: seconds })),
  );
  const waits = createSpreads(DEFINITIONS.photochanger_job_wait_seconds.bounds);
  registerSpreads(registry, 'photochanger_job_wait_seconds', waits.entries);
  const calls = createSpreads(DEFINITIONS.photochanger_provider_call_seconds.bounds);
  registerSpreads(registry, 'photochanger_provider_call_seconds', calls.entries);
  const attempts = createCounts(everyPair(providerIds, CALL_ENDS));
  registerNumbers(registry, 'photochanger_provider_attempts_total', attempts.entries);
  const ends = createCounts(everyPair(providerIds, JOB_ENDS));
  registerNumbers(registry, 'photochanger_job_outcomes_total', ends.entries);
  const late = registerTotal(registry, 'photochanger_late_answers_refused_total');
  const reclaimed = registerTotal(registry, 'photochanger_jobs_reclaimed_total');
  const rerouted = registerTotal(registry, 'photochanger_jobs_rerouted_total');
  const results = registerTotal(registry, 'photochanger_results_expired_total');
  const media = registerTotal(registry, 'photochanger_media_objects_expired_total');
  const orphans = registerTotal(registry, 'photochanger_orphan_files_removed_total');
  return {
    requestAnswered: requests.count,
    jobClaimed: (providerId, waitedMs) => waits.observe([providerId], waitedMs / 1000),
    callEnded(providerId, outcome, tookMs) {
      attempts.add([providerId, outcome]);
      calls.observe([providerId, outcome], tookMs / 1000);
    },
    jobEnded: (providerId, outcome) => ends.add([providerId, outcome]),
    lateAnswerRefused: () => late(1),
    jobReclaimed: () => reclaimed(1),
    jobsRerouted: rerouted,
    cleanedUp({ expiredResults = 0, orphanFiles = 0, mediaObjects = 0 }) {
      results(expiredResults);
      orphans(orphanFiles);
      media(mediaObjects);
    },
  } satisfies Omit<Metrics, 'contentType' | 'render'>;
}

const everyPair = (firsts: readonly string[], seconds: readonly string[]): string[][] =>
  firsts.flatMap((first) => seconds.map((second) => [first, second]));

/** @returns how to add to it. */
function registerTotal(registry: Registry, name: Parameters<typeof registerNumbers>[1]): (by: number) => void {
  const counts = createCounts([[]]);
  registerNumbers(registry, name, counts.entries);
  return (by) => counts.add([], by);
}

/** What is so now, here and in the whole installation. */
function registerStates(registry: Registry, { db, heldCount }: MetricsSources, found: () => Figures | undefined): void {
  const only = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: [], value }]);
  const { pool } = db;
  registerNumbers(registry, 'photochanger_held_requests', () => only(heldCount()));
  registerNumbers(registry, 'photochanger_database_up', () => only(found()?.isDatabaseUp ? 1 : 0));
  registerNumbers(registry, 'photochanger_database_pool_connections', () => [
    { labels: ['busy'], value: pool.totalCount - pool.idleCount },
    { labels: ['idle'], value: pool.idleCount },
  ]);
  registerNumbers(registry, 'photochanger_database_pool_waiting', () => only(pool.waitingCount));
  registerNumbers(registry, 'photochanger_queue_jobs', () =>
    (found()?.queue ?? []).flatMap(({ providerId, pending, processing }) => [
      { labels: [providerId, 'pending'], value: pending },
      { labels: [providerId, 'processing'], value: processing },
    ]),
  );
  registerNumbers(registry, 'photochanger_queue_oldest_age_seconds', () =>
    (found()?.queue ?? []).map(({ providerId, oldestAgeSeconds }) => ({
      labels: [providerId],
      value: oldestAgeSeconds,
    })),
  );
  registerNumbers(registry, 'photochanger_media_free_bytes', () => only(found()?.freeBytes));
  registerNumbers(registry, 'photochanger_media_used_bytes', () =>
    (found()?.usedBytes ?? []).map(({ kind, bytes }) => ({ labels: [kind], value: bytes })),
  );
}
