/** What the station inspector shows. */
import type { EndedRequest } from '../../src/domain/station-request.ts';
import type { SlotClient } from './slot-requests.ts';
import { jsonOf } from './slot-requests.ts';

export interface ShownRequest {
  readonly received_at: string;
  readonly count: number;
  readonly client: string;
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly password: string;
  readonly job_id: string | null;
  readonly upload_bytes: number;
  readonly user_agent: string | null;
  readonly fields: readonly { readonly name: string; readonly size_bytes: number | null }[];
  readonly file: Readonly<Record<string, unknown>> | null;
  readonly query_names: readonly string[];
}

/** The requests of a slot, newest first. */
export async function shownRequests(client: SlotClient, slotId: string): Promise<readonly ShownRequest[]> {
  return jsonOf<{ data: ShownRequest[] }>(await client.get(`/${slotId}/requests`)).data;
}

/** A request that has ended with a picture, or as is said. */
export const endedRequest = (change: Partial<EndedRequest> = {}): EndedRequest => ({
  slotId: 'slot-001',
  client: '192.0.2.1',
  password: 'right',
  count: 1,
  status: 200,
  code: null,
  message: null,
  jobId: null,
  durationMs: 1,
  arrived: JSON.stringify({ upload_bytes: 1, user_agent: null, fields: [], file: null, query_names: [] }),
  ...change,
});

/** A request with a wrong password. */
export const guess = (change: Partial<EndedRequest> = {}): EndedRequest =>
  endedRequest({ password: 'wrong', status: 401, code: 'invalid_credentials', message: 'Wrong.', ...change });
