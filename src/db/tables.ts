/** The tables as Kysely sees them; the migrations are their source. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type GeneratedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;
type Json = JSONColumnType<Record<string, unknown>>;

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

export interface PlatformSettingTable {
  key: string;
  value: ColumnType<unknown, string, string>;
  updated_at: GeneratedTimestamp;
  updated_by: string;
}

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

export interface AdmissionTable {
  scope: string;
  open_max: number | null;
  open_bound: Generated<number>;
}

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

/** All tables of the schema. */
export interface Database {
  slot: SlotTable;
  platform_setting: PlatformSettingTable;
  lane: LaneTable;
  admission: AdmissionTable;
  job: JobTable;
  processing_log: ProcessingLogTable;
}
