/** The tables of jobs, of the calls made for them, and of what is counted of both, as Kysely sees them. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { GeneratedTimestamp, Timestamp } from './timestamp-columns.ts';

type Json = JSONColumnType<Record<string, unknown>>;

/** The limits of a provider, and upper bounds of what is used of them. */
export interface LaneTable {
  provider_id: string;
  running_max: number;
  running_bound: Generated<number>;
  open_max: number | null;
  open_bound: Generated<number>;
  calls_per_minute: number | null;
  calls_burst: Generated<number>;
  tokens: Generated<number>;
  refilled_at: GeneratedTimestamp;
  calls_per_day: number | null;
  day_calls: Generated<number>;
  day_ends_at: Timestamp | null;
  /** Whose midnight ends the service's day; an IANA time zone. */
  quota_zone: Generated<string>;
  /** A digest of the key in force. */
  key_id: Generated<string>;
  expected_ms: Generated<number>;
  /** Learnt from the latest calls; null: too few to say. */
  usual_ms: number | null;
  slow_ms: number | null;
}

/** What the latest calls with one key of one provider say about calling it now. */
export interface CircuitTable {
  provider_id: string;
  key_id: string;
  failures: Generated<number>;
  opens: Generated<number>;
  open_until: Timestamp | null;
  probe_until: Timestamp | null;
  /** Whose call finds out. */
  probe_job: string | null;
  probe_attempt: number | null;
  paused_until: Timestamp | null;
  exhausted_until: Timestamp | null;
  reason: string | null;
  changed_at: GeneratedTimestamp;
}

/** The ledger: what each call to a provider came to, and what it cost. */
export interface ProviderCallTable {
  job_id: string;
  attempt_no: number;
  link_no: number;
  claim_no: number;
  slot_id: string;
  provider_id: string;
  model: Generated<string>;
  outcome: string;
  charged: 'no' | 'maybe' | 'yes';
  /** Numeric, as text; null where the price list said nothing. */
  price: string | null;
  latency_ms: number | null;
  is_test: Generated<boolean>;
  ended_at: GeneratedTimestamp;
}

/** What the ledger says of a day, counted; `slot_id` is `all` for all of them. Written by `call_roll` alone. */
export interface CallDayTable {
  slot_id: string;
  /** As `2026-11-23`, in UTC. */
  day: string;
  provider_id: string;
  model: string;
  is_test: boolean;
  /** How many calls ended how. */
  outcomes: ColumnType<Record<string, number>, string, string>;
  charged_no: number;
  charged_maybe: number;
  charged_yes: number;
  /** Numeric, as text. */
  known: string;
  possible: string;
  unpriced: number;
}

/** The one row that says which days are counted. */
export interface CallMarkTable {
  is_only: Generated<boolean>;
  rolled_until: GeneratedTimestamp;
}

/** On which day it was said of which slot that its budget is nearly, or wholly, used up. */
export interface BudgetNoticeTable {
  slot_id: string;
  day: string;
  state: 'warned' | 'used_up';
}

/** Caps on unfinished jobs: of all slots, and of each. */
export interface AdmissionTable {
  scope: string;
  open_max: number | null;
  open_bound: Generated<number>;
}

/** One photo being processed, or processed; the only source of truth about it. */
export interface JobTable {
  id: string;
  slot_id: string;
  provider_id: string;
  operation_id: string;
  snapshot: Json;
  metadata: Json;
  status: 'pending' | 'processing';
  is_finalized: boolean;
  failure_reason: 'timeout' | 'provider_error' | 'cancelled' | null;
  failure_message: string | null;
  claim_no: number;
  claim_max: Generated<number>;
  attempt_no: number;
  /** Which link of the slot's chain it is at; 0: the slot's own provider. */
  link_no: Generated<number>;
  /** The providers of the links after the first. */
  chain: Generated<string[]>;
  is_test: Generated<boolean>;
  request_hash: Buffer | null;
  idempotency_key: string | null;
  /** Requests that wait for it besides the first. */
  joined_no: Generated<number>;
  worker_id: string | null;
  lease_until: Timestamp | null;
  provider_job_reference: string | null;
  payload_path: string | null;
  result_file_path: string | null;
  result_mime_type: string | null;
  result_size_bytes: number | null;
  result_checksum: string | null;
  result_provider_id: string | null;
  result_expires_at: Timestamp | null;
  created_at: Timestamp;
  expires_at: Timestamp;
  started_at: Timestamp | null;
  updated_at: GeneratedTimestamp;
  finalized_at: Timestamp | null;
}

/** The append-only events of jobs. */
export interface ProcessingLogTable {
  id: Generated<string>;
  job_id: string;
  slot_id: string;
  status: 'received' | 'dispatched' | 'provider_responded' | 'timeout' | 'failed' | 'succeeded';
  occurred_at: GeneratedTimestamp;
  message: string | null;
  provider_latency_ms: number | null;
  details: ColumnType<Record<string, unknown> | null, string | null, string | null>;
}

/** Photos kept beyond their jobs' end. */
export interface JobOriginalTable {
  job_id: string;
  path: string;
  mime_type: string;
  size_bytes: number;
  sha256: string;
  expires_at: Timestamp;
}

/** How many final jobs from before the mark are still in the table. */
export interface JobKeptTable {
  week: Timestamp;
  slot_id: string;
  status: 'pending' | 'processing';
  failure_reason: JobTable['failure_reason'];
  jobs: number;
}

/** What happened in an hour, or on a day, by slot and provider; written by `tally_roll` alone. */
export interface TallyTable {
  slot_id: string;
  starts_at: Timestamp;
  provider_id: string;
  ingest_count: number;
  success: number;
  timeouts: number;
  provider_errors: number;
  cancelled: number;
  latency: ColumnType<number[], string, string>;
}

/** The one row that says which hours the tallies hold. */
export interface TallyMarkTable {
  is_only: Generated<boolean>;
  rolled_until: GeneratedTimestamp;
  deleted_until: GeneratedTimestamp;
}
