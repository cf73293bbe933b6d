/** Receives a form with a picture: text fields into memory, the picture to disk, everything else nowhere. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReceivedUpload, ReceiveUpload, UploadHooks } from '../../media/upload.ts';
import { sendContinue } from './expect-continue.ts';
import { createMultipartParser } from './multipart-parser.ts';
import { openRequestBody, type RequestBody } from './request-body.ts';
import { payloadTooLarge } from './upload-errors.ts';
import { bodySizeBytesMax, checkUploadHead } from './upload-head.ts';
import { createUploadParts, type UploadParts } from './upload-parts.ts';

/**
 * Gives the one reader of this request's form.
 *
 * Nothing is read, and a client that sent `Expect: 100-continue` is not told to go on, before it is called and the head was
 * found acceptable. Once settled it has let go of the request and of all buffers; a held request keeps only what was returned.
 * After a rejection the rest of the body is still unread: answer, then `drainRefused`.
 *
 * Of text fields that share a name the first counts, and only that one is shown to `hooks.onField`. Control characters in names, U+0000
 * in values and malformed UTF-8 arrive as U+FFFD. After a part was accepted, further files are passed over without asking.
 *
 * The returned function throws, beyond what its type says, `unsupported_media_type` (not a form, or a compressed one),
 * `UploadAbortedError` (the client is gone) and `UploadStalledError` (no byte for `idleTimeoutMs`; the connection is to be
 * destroyed).
 */
export function createReceiveUpload(req: IncomingMessage, res: ServerResponse): ReceiveUpload {
  let called = false;
  return async (hooks, limits, signal) => {
    if (called) throw new Error('The body of a request can be received only once.');
    called = true;
    const boundary = checkUploadHead(req.headers, limits.fileSizeBytesMax);
    signal.throwIfAborted();
    const body = openRequestBody(
      req,
      {
        sizeBytesMax: bodySizeBytesMax(limits.fileSizeBytesMax),
        onTooLarge: () => payloadTooLarge(limits.fileSizeBytesMax),
        idleTimeoutMs: limits.idleTimeoutMs,
      },
      signal,
    );
    try {
      sendContinue(req, res);
      return await receiveParts(body, boundary, hooks, createUploadParts(hooks, limits, body.failed));
    } finally {
      body.close();
    }
  };
}

async function receiveParts(
  body: RequestBody,
  boundary: string,
  { onBytes }: Pick<UploadHooks, 'onBytes'>,
  parts: UploadParts,
): Promise<ReceivedUpload> {
  const parser = createMultipartParser(boundary);
  try {
    for (;;) {
      for (let token = parser.next(); token !== undefined; token = parser.next()) {
        const handled = parts.accept(token);
        if (handled !== undefined) await handled;
      }
      const piece = await body.take();
      if (piece === undefined) break;
      onBytes?.(piece.length);
      parser.push(piece);
    }
    parser.finish();
    return parts.received();
  } catch (error) {
    await parts.discard();
    throw error;
  }
}
