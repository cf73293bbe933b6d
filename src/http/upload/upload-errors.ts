/** How an upload fails: faults that are answered, and the two after which no answer can be sent. */
import { DomainError, type ErrorDetails } from '../../domain/errors.ts';

/** The client's connection was gone before the body was complete. Nobody is left to answer. */
export class UploadAbortedError extends Error {
  constructor(options?: ErrorOptions) {
    super('The client closed the connection before the upload was complete.', options);
    this.name = 'UploadAbortedError';
  }
}

/** The client sent nothing for the whole idle timeout. The connection is to be closed without an answer. */
export class UploadStalledError extends Error {
  readonly idleTimeoutMs: number;

  constructor(idleTimeoutMs: number) {
    super(`The upload made no progress for ${idleTimeoutMs} ms.`);
    this.name = 'UploadStalledError';
    this.idleTimeoutMs = idleTimeoutMs;
  }
}

/** A body that breaks the rules of `multipart/form-data` or the limits on its parts: `invalid_payload`. */
export function invalidPayload(message: string, details?: ErrorDetails): DomainError {
  return new DomainError('invalid_payload', message, details === undefined ? {} : { details });
}

/** More bytes than an upload may have: `payload_too_large`, with the largest accepted file in `details.size_bytes_max`. */
export function payloadTooLarge(fileSizeBytesMax: number): DomainError {
  return new DomainError('payload_too_large', `The file is larger than ${fileSizeBytesMax} bytes.`, {
    details: { size_bytes_max: fileSizeBytesMax },
  });
}

/** The disk refused to create or to write a file: `storage_unavailable`. The path stays in the cause, out of the message. */
export function storageUnavailable(cause: unknown): DomainError {
  return new DomainError('storage_unavailable', 'The upload cannot be stored at present.', {
    cause,
    retryAfterSeconds: 5,
  });
}
