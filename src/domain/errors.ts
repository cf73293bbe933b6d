/**
 * The one table of error codes: every error that leaves the server carries one of these codes, and the code alone decides
 * the HTTP status. A new code is an additive change of the contract (`x-extensible-enum` of `Error.json`).
 */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_payload: 400,
  invalid_settings_payload: 400,
  unauthorized: 401,
  invalid_credentials: 401,
  forbidden: 403,
  not_found: 404,
  slot_not_found: 404,
  result_not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  slot_conflict: 409,
  template_already_bound: 409,
  template_in_use: 409,
  job_final: 409,
  job_not_final: 409,
  reset_in_progress: 409,
  result_expired: 410,
  media_link_expired: 410,
  original_expired: 410,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  invalid_slot_settings: 422,
  invalid_settings: 422,
  invalid_webhook: 422,
  invalid_password: 422,
  idempotency_key_reused: 422,
  login_throttled: 429,
  queue_busy: 429,
  rate_limited: 429,
  internal_error: 500,
  provider_error: 502,
  queue_unavailable: 503,
  provider_unavailable: 503,
  budget_exhausted: 503,
  storage_unavailable: 503,
  job_cancelled: 503,
  slot_not_configured: 503,
  not_ready: 503,
  sync_timeout: 504,
} as const satisfies Record<string, number>;

/** A stable snake_case code, as published in the contract. */
export type ErrorCode = keyof typeof ERROR_STATUS;

/** Facts about an error for the client's program; never secrets, never picture bytes. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** One faulty place of a request: where (RFC 6901), what for people, which rule. */
export interface FieldFault {
  readonly pointer: string;
  readonly message: string;
  readonly keyword: string;
}

/** An expected failure with a code that clients know. Anything else that is thrown is answered as `internal_error`. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  /** Seconds for `Retry-After`; set for 429 and 503. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** The HTTP status of {@link code}. */
  get status(): number {
    return ERROR_STATUS[this.code];
  }
}
