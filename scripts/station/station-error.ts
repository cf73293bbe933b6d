export type StationErrorCode = 'unreachable' | 'closed' | 'timeout' | 'malformed_answer';

/** Why a station got no answer. Every answer, also 4xx and 5xx, is a {@link StationAnswer} and not an error. */
export class StationError extends Error {
  readonly code: StationErrorCode;

  constructor(code: StationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StationError';
    this.code = code;
  }
}
