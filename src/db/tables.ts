/** The tables as Kysely sees them; the migrations are their source. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { CleanUpReport } from '../domain/purge.ts';

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type GeneratedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;
type Json = JSONColumnType<Record<string, unknown>>;

/** The 15 slots. */
export interface SlotTable {
  id: string;
  name: string;
  provider_id: string;
  operation_id: string;
  settings: Json;
  is_enabled: Generated<boolean>;
  keep_original_hours: Generated<number>;
  /** Counted by the database: one more for every change of what is set up. */
  version: Generated<number>;
  last_reset_at: Timestamp | null;
  created_at: GeneratedTimestamp;
  updated_at: GeneratedTimestamp;
  /** Null: as it was installed. */
  updated_by: string | null;
}

/** What slots were before, the current version included; written by triggers. */
export interface SlotVersionTable {
  slot_id: string;
  version: number;
  change: 'created' | 'updated' | 'restored';
  restored_from: number | null;
  name: string;
  provider_id: string;
  operation_id: string;
  settings: Json;
  is_enabled: boolean;
  keep_original_hours: number;
  changed_at: Timestamp;
  changed_by: string | null;
}

/** The last requests each slot received, without any value of them. */
export interface StationRequestTable {
  id: Generated<string>;
  slot_id: string;
  received_at: Timestamp;
  client: string;
  password: 'right' | 'wrong' | 'missing' | 'unchecked';
  count: Generated<number>;
  status: number | null;
  code: string | null;
  message: string | null;
  job_id: string | null;
  duration_ms: number;
  arrived: Json;
}

/** What administrators set at run time, by key. */
export interface PlatformSettingTable {
  key: string;
  value: ColumnType<unknown, string, string>;
  updated_at: GeneratedTimestamp;
  updated_by: string;
}

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

/** Who did what, when, from where. */
export interface AuditEventTable {
  id: Generated<string>;
  occurred_at: GeneratedTimestamp;
  actor: string;
  address: string | null;
  action: string;
  object_type: string;
  object_id: string | null;
  request_id: string | null;
  details: Json;
}

/** Encrypted secrets, by name. */
export interface SecretTable {
  name: string;
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
  updated_at: GeneratedTimestamp;
  updated_by: string;
}

/** Who may sign in, and what each may do. */
export interface AdministratorTable {
  name: string;
  password_hash: string;
  permissions: string[];
  is_enabled: Generated<boolean>;
  token_generation: Generated<number>;
  last_login_at: Timestamp | null;
  created_at: GeneratedTimestamp;
  updated_at: GeneratedTimestamp;
}

/** The keys that sign access tokens, by id; the bytes are a secret. */
export interface TokenKeyTable {
  kid: string;
  created_at: GeneratedTimestamp;
  retired_at: Timestamp | null;
}

/** Counters that slow down guessing. */
export interface ThrottleTable {
  key: string;
  hits: Generated<number>;
  tried_at: Date[];
  locked_until: Timestamp | null;
  ends_at: Timestamp;
}

/** Template pictures of slots; a deleted one stays until no unfinished job can need its file. */
export interface TemplateMediaTable {
  id: string;
  slot_id: string;
  setting_key: string;
  label: string | null;
  path: string;
  mime_type: string;
  size_bytes: number;
  checksum: string;
  uploaded_by: string;
  created_at: GeneratedTimestamp;
  deleted_at: Timestamp | null;
}

/** Pictures under short-lived public links; without a path once the file is gone. */
export interface MediaObjectTable {
  id: string;
  job_id: string | null;
  path: string | null;
  mime_type: string;
  size_bytes: number;
  checksum: string;
  created_by: string;
  created_at: Timestamp;
  expires_at: Timestamp;
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

/** Purges that administrators asked for, and what they came to. */
export interface MediaPurgeTable {
  id: Generated<string>;
  scope: 'full' | 'media_objects';
  is_dry_run: boolean;
  expires_cutoff: GeneratedTimestamp;
  requested_by: string;
  requested_at: GeneratedTimestamp;
  state: Generated<'queued' | 'running' | 'done' | 'failed'>;
  started_at: Timestamp | null;
  finished_at: Timestamp | null;
  outcome: ColumnType<CleanUpReport | null, string | null, string | null>;
  error: string | null;
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

/** How many final jobs from before the mark are still in the table. */
export interface JobKeptTable {
  week: Timestamp;
  slot_id: string;
  status: 'pending' | 'processing';
  failure_reason: JobTable['failure_reason'];
  jobs: number;
}

/** All tables of the schema. */
export interface Database {
  slot: SlotTable;
  slot_version: SlotVersionTable;
  station_request: StationRequestTable;
  platform_setting: PlatformSettingTable;
  secret: SecretTable;
  administrator: AdministratorTable;
  token_key: TokenKeyTable;
  throttle: ThrottleTable;
  lane: LaneTable;
  admission: AdmissionTable;
  job: JobTable;
  job_original: JobOriginalTable;
  job_kept: JobKeptTable;
  tally_mark: TallyMarkTable;
  tally_hour: TallyTable;
  tally_day: TallyTable;
  processing_log: ProcessingLogTable;
  audit_event: AuditEventTable;
  template_media: TemplateMediaTable;
  media_object: MediaObjectTable;
  media_purge: MediaPurgeTable;
}
