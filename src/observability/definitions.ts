/** Every metric of this server, in one table: `spec/docs/metrics.md` says the same in prose, and a test compares the two. */

/** Bucket bounds in seconds. Whatever can last as long as a held request has buckets to 60 s, the longest window, and beyond. */
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 75];
const CALL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 40, 50, 60, 75];
const WAIT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 75];

/** What one metric is. */
export type Definition = {
  readonly help: string;
  readonly labels: readonly string[];
} & ({ readonly type: 'counter' | 'gauge' } | { readonly type: 'histogram'; readonly bounds: readonly number[] });

/** All of them, by name. */
export const DEFINITIONS = {
  photochanger_http_requests_total: {
    type: 'counter',
    labels: ['operation', 'status'],
    help: 'Requests answered by this process.',
  },
  photochanger_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['operation'],
    bounds: REQUEST_SECONDS,
    help: 'Time from the head of a request to the end of its answer, held time included.',
  },
  photochanger_held_requests: {
    type: 'gauge',
    labels: [],
    help: 'Requests that this process holds open for their pictures.',
  },
  photochanger_job_wait_seconds: {
    type: 'histogram',
    labels: ['provider'],
    bounds: WAIT_SECONDS,
    help: 'Time from the arrival of a photo, its upload included, to the first worker that took it.',
  },
  photochanger_provider_attempts_total: {
    type: 'counter',
    labels: ['provider', 'outcome'],
    help: 'Provider calls that this process saw the end of.',
  },
  photochanger_provider_call_seconds: {
    type: 'histogram',
    labels: ['provider', 'outcome'],
    bounds: CALL_SECONDS,
    help: 'Time that provider calls took, polls included.',
  },
  photochanger_job_outcomes_total: {
    type: 'counter',
    labels: ['provider', 'outcome'],
    help: 'Jobs that this process made final.',
  },
  photochanger_late_answers_refused_total: {
    type: 'counter',
    labels: [],
    help: 'Provider answers that came after their job was final or another worker had it.',
  },
  photochanger_jobs_reclaimed_total: {
    type: 'counter',
    labels: [],
    help: 'Jobs of silent workers that this process put back into the queue.',
  },
  photochanger_results_expired_total: {
    type: 'counter',
    labels: [],
    help: 'Results that this process removed after their retention.',
  },
  photochanger_media_objects_expired_total: {
    type: 'counter',
    labels: [],
    help: 'Public media that this process removed after their lifetime.',
  },
  photochanger_orphan_files_removed_total: {
    type: 'counter',
    labels: [],
    help: 'Files of no job that this process removed.',
  },
  photochanger_jobs_rerouted_total: {
    type: 'counter',
    labels: [],
    help: 'Waiting jobs that this process sent on to the next provider of their chain.',
  },
  photochanger_database_up: {
    type: 'gauge',
    labels: [],
    help: 'Whether the database answered this process within a second (1) or not (0).',
  },
  photochanger_database_pool_connections: {
    type: 'gauge',
    labels: ['state'],
    help: 'Connections of this process to the database, by what they do.',
  },
  photochanger_database_pool_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Statements of this process that wait for a free connection.',
  },
  photochanger_queue_jobs: {
    type: 'gauge',
    labels: ['provider', 'state'],
    help: 'Unfinished jobs of the whole installation.',
  },
  photochanger_queue_oldest_age_seconds: {
    type: 'gauge',
    labels: ['provider'],
    help: 'Time since the arrival of the oldest waiting job of the whole installation; 0 when none waits.',
  },
  photochanger_provider_availability: {
    type: 'gauge',
    labels: ['provider', 'state'],
    help: 'Whether the provider is in the state (1) or not (0).',
  },
  photochanger_provider_day_calls: {
    type: 'gauge',
    labels: ['provider', 'charged'],
    help: 'Calls of this day (UTC) by the ledger, by whether they were charged.',
  },
  photochanger_provider_day_cost: {
    type: 'gauge',
    labels: ['provider', 'charged'],
    help: 'Price of the calls of this day (UTC) by the ledger, in the currency of the price list.',
  },
  photochanger_provider_day_unpriced_calls: {
    type: 'gauge',
    labels: ['provider'],
    help: 'Calls of this day (UTC) that were, or may have been, charged and have no price.',
  },
  photochanger_provider_day_fallback_pictures: {
    type: 'gauge',
    labels: ['provider'],
    help: 'Pictures of this day (UTC) that the provider made as a fallback.',
  },
  photochanger_slot_budget_used_ratio: {
    type: 'gauge',
    labels: ['slot'],
    help: 'Share of the daily budget of a slot that is spent today (UTC).',
  },
  photochanger_media_free_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Free space of the media disk.',
  },
  photochanger_media_used_bytes: {
    type: 'gauge',
    labels: ['kind'],
    help: 'Bytes of stored pictures that rows name, thumbnails not counted; asked for once a minute.',
  },
} as const satisfies Record<string, Definition>;

/** The name of a metric. */
export type MetricName = keyof typeof DEFINITIONS;
