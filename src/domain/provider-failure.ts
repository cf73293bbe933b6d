/** What the rules need to know of a failed call. The provider interface's failure has these fields and more. */
export interface ProviderFailureFacts {
  readonly kind: 'refused' | 'throttled' | 'unavailable' | 'empty' | 'invalid_key' | 'bad_request' | 'bad_answer';
  readonly retryable: boolean;
  /** Whether the service billed the call, as far as can be known. */
  readonly charged: 'no' | 'maybe' | 'yes';
  readonly retryAfterMs?: number;
  readonly exhausted?: boolean;
}
