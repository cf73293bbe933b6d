/**
 * Bytes that cannot become a result: not a picture, broken, too large. Whoever asked a provider for them reports a bad
 * answer with `reason`; nothing was stored.
 */
export class UnacceptableImageError extends Error {
  /** One sentence for the job's log; never contains bytes of the answer. */
  readonly reason: string;

  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options);
    this.name = 'UnacceptableImageError';
    this.reason = reason;
  }
}
