/** The tables as Kysely sees them; the migrations are their source. */
import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { CleanUpReport } from '../domain/purge.ts';
import type { FallbackLink, OverBudget, RepeatPaidCalls } from '../domain/slot-policy.ts';
import type {
  AdministratorTable,
  AuditEventTable,
  SecretTable,
  ThrottleTable,
  TokenKeyTable,
} from './access-tables.ts';
import type {
  AdmissionTable,
  BudgetNoticeTable,
  CallDayTable,
  CallMarkTable,
  CircuitTable,
  JobKeptTable,
  JobOriginalTable,
  JobTable,
  LaneTable,
  ProcessingLogTable,
  ProviderCallTable,
  TallyMarkTable,
  TallyTable,
} from './queue-tables.ts';
import type { GeneratedTimestamp, Timestamp } from './timestamp-columns.ts';
import type { WebhookDeliveryTable, WebhookTable } from './webhook-tables.ts';

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
  /** Links as the domain has them; at most 3. */
  fallback: ColumnType<FallbackLink[], string | undefined, string>;
  repeat_paid_calls: Generated<RepeatPaidCalls>;
  /** Sent as text, to be exact. */
  daily_budget: ColumnType<string | null, number | null | undefined, number | null>;
  over_budget: Generated<OverBudget>;
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
  fallback: ColumnType<FallbackLink[], never, never>;
  repeat_paid_calls: RepeatPaidCalls;
  daily_budget: string | null;
  over_budget: OverBudget;
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
  has_alpha: boolean;
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
  circuit: CircuitTable;
  provider_call: ProviderCallTable;
  call_day: CallDayTable;
  call_mark: CallMarkTable;
  budget_notice: BudgetNoticeTable;
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
  webhook: WebhookTable;
  webhook_delivery: WebhookDeliveryTable;
}
