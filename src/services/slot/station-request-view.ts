import type { StationRequest } from '../../repositories/station-requests.ts';

/** What is kept of a request's content, as it was packed (see `packArrival`). */
interface Arrived {
  readonly upload_bytes: number;
  readonly user_agent: string | null;
  readonly fields: { readonly name: string; readonly size_bytes: number | null }[];
  readonly file: {
    readonly field_name: string;
    readonly name: string | null;
    readonly declared_type: string;
    readonly size_bytes: number | null;
    readonly detected_type: string | null;
    readonly width: number | null;
    readonly height: number | null;
  } | null;
  readonly query_names: string[];
}

/** A station's request as clients see it (schema `StationRequest`). */
export const stationRequestView = ({ arrived, ...request }: StationRequest) => ({
  received_at: request.receivedAt.toISOString(),
  count: request.count,
  client: request.client,
  status: request.status,
  code: request.code,
  message: request.message,
  password: request.password,
  job_id: request.jobId,
  duration_ms: request.durationMs,
  ...(arrived as unknown as Arrived),
});
