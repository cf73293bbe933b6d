/** Reading a JSON body: small, whole, and nothing but plain JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../domain/errors.ts';
import { sendContinue } from './upload/expect-continue.ts';

/** The largest JSON body, in bytes. */
const SIZE_BYTES_MAX = 1_048_576;

/**
 * Reads and parses the body.
 *
 * @returns undefined when there is none.
 * @throws DomainError `payload_too_large`, `invalid_request`.
 */
export async function readJsonBody(req: IncomingMessage, res: ServerResponse): Promise<unknown> {
  sendContinue(req, res);
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > SIZE_BYTES_MAX)
      throw new DomainError('payload_too_large', `The body is larger than ${SIZE_BYTES_MAX} bytes.`);
    pieces.push(piece);
  }
  if (sizeBytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new DomainError('invalid_request', 'The body is not JSON.', { cause: error });
  }
}
