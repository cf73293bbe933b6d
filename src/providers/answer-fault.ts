import type { FailureKind } from './provider.ts';

/** An answer that cannot be used; thrown while it is read, so that the connection is given up at once. */
export class AnswerFault extends Error {
  readonly kind: FailureKind;
  readonly retryable: boolean;

  constructor(message: string, options: { kind?: FailureKind; retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AnswerFault';
    this.kind = options.kind ?? 'bad_answer';
    this.retryable = options.retryable ?? true;
  }
}
