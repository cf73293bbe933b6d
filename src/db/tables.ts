/** The tables as Kysely sees them; the migrations are their source. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

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
  last_reset_at: Timestamp | null;
  created_at: GeneratedTimestamp;
  updated_at: GeneratedTimestamp;
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

/** All tables of the schema. */
export interface Database {
  slot: SlotTable;
  platform_setting: PlatformSettingTable;
  lane: LaneTable;
  admission: AdmissionTable;
  job: JobTable;
  processing_log: ProcessingLogTable;
  audit_event: AuditEventTable;
}
