/** The tables of webhooks as Kysely sees them. */
import type { Generated } from 'kysely';
import type { DeliveryState, DeliveryType, WebhookEvent } from '../domain/webhooks.ts';
import type { GeneratedTimestamp, Timestamp } from './timestamp-columns.ts';

/** Who wants to be told what. */
export interface WebhookTable {
  id: Generated<string>;
  url: string;
  is_enabled: Generated<boolean>;
  events: WebhookEvent[];
  /** Null: of all slots. */
  slot_ids: string[] | null;
  previous_secret_until: Timestamp | null;
  created_at: GeneratedTimestamp;
  created_by: string;
  updated_at: GeneratedTimestamp;
  updated_by: string;
}

/** What is, or was, to be told to whom; written by a trigger when a job becomes final. */
export interface WebhookDeliveryTable {
  id: Generated<string>;
  webhook_id: string;
  type: DeliveryType;
  job_id: string | null;
  state: Generated<DeliveryState>;
  attempts: Generated<number>;
  due_at: GeneratedTimestamp;
  started_at: GeneratedTimestamp;
  last_attempt_at: Timestamp | null;
  last_status: number | null;
  last_error: string | null;
  created_at: GeneratedTimestamp;
  changed_at: GeneratedTimestamp;
}
