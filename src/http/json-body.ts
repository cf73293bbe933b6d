/** Reading a JSON body: small, whole, at a bearable pace, and nothing but plain JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, type ErrorCode } from '../domain/errors.ts';
import type { Incoming } from './incoming.ts';
import { announcesBody } from './request-body-head.ts';
import { JsonFaultError, parseStrictJson } from './strict-json.ts';
import { sendContinue } from './upload/expect-continue.ts';
import { openRequestBody, type RequestBodyLimits } from './upload/request-body.ts';

/** The largest JSON body, in bytes. */
export const JSON_BYTES_MAX = 1_048_576;

const LIMITS: RequestBodyLimits = { sizeBytesMax: JSON_BYTES_MAX, onTooLarge: tooLarge, idleTimeoutMs: 15_000 };

/**
 * Reads and parses the body. A client that waits for `100 Continue` is told to go on only when its head is acceptable.
 *
 * @param faultCode the code for what is not JSON as `parseStrictJson` takes it.
 * @returns undefined when there is none.
 * @throws DomainError `faultCode`, with the one fault in `details.fields`; `unsupported_media_type` for a body that is packed in any way:
 * nothing is ever unpacked; `payload_too_large`. @throws UploadAbortedError, UploadStalledError: there is nobody to answer.
 */
export async function readJsonBody(incoming: Incoming, faultCode: ErrorCode): Promise<unknown> {
  const { req, res } = incoming;
  if (!announcesBody(req)) return undefined;
  checkHead(req);
  // a body that came in one piece with its head is there as soon as Node's parser lets go of it
  await Promise.resolve();
  const bytes = takeWhole(incoming) ?? (await collect(req, res));
  return bytes.length === 0 ? undefined : parse(bytes, faultCode);
}

function parse(bytes: Buffer, faultCode: ErrorCode): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonFaultError)) throw error;
    const details = { fields: [error.fault] };
    throw new DomainError(faultCode, 'The body is not JSON that can be accepted.', { details, cause: error });
  }
}

function checkHead({ headers }: IncomingMessage): void {
  const coding = headers['content-encoding'] ?? 'identity';
  const transfer = headers['transfer-encoding'] ?? 'chunked';
  if (coding.trim().toLowerCase() !== 'identity' || transfer.trim().toLowerCase() !== 'chunked')
    throw new DomainError('unsupported_media_type', 'The body must not be compressed.');
  if (Number(headers['content-length'] ?? 0) > JSON_BYTES_MAX) throw tooLarge();
}

/** The usual case, without a listener or a timer: they were 8 % of the CPU time of a `PUT` of 1 kB. */
function takeWhole(incoming: Incoming): Buffer | undefined {
  const { req } = incoming;
  if (req.readableLength !== Number(req.headers['content-length'])) return undefined;
  const bytes = req.read() as Buffer;
  incoming.isBodyTaken = true;
  // lets the stream end, and Node forget the request
  req.resume();
  return bytes;
}

async function collect(req: IncomingMessage, res: ServerResponse): Promise<Buffer> {
  const body = openRequestBody(req, LIMITS);
  try {
    sendContinue(req, res);
    const pieces: Buffer[] = [];
    for (let piece = await body.take(); piece !== undefined; piece = await body.take()) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  } finally {
    body.close();
  }
}

function tooLarge(): DomainError {
  return new DomainError('payload_too_large', `The body is larger than ${JSON_BYTES_MAX} bytes.`, {
    details: { size_bytes_max: JSON_BYTES_MAX },
  });
}
