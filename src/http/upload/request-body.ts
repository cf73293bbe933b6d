/** The pieces of a request's body, one after the other, with backpressure, an idle limit and every way in which a body can end. */
import type { IncomingMessage } from 'node:http';
import { UploadAbortedError, UploadStalledError } from './upload-errors.ts';

/** The bytes of a request, piece by piece, with their limits enforced. */
export interface RequestBody {
  /** @returns the next piece, or nothing after the last. Rejects as `failed` does. At most one call at a time. */
  take(): Promise<Buffer | undefined>;
  /** Rejects as soon as the body cannot be had any more; never resolves. */
  readonly failed: Promise<never>;
  /** Stops reading and lets go of the request. What was not taken is lost or stays unread. */
  close(): void;
}

/** How large and how slow a body may be. */
export interface RequestBodyLimits {
  readonly sizeBytesMax: number;
  /** What a longer body rejects with. */
  readonly onTooLarge: () => Error;
  readonly idleTimeoutMs: number;
}

/** Read ahead of the taker at most this much and one piece more. */
const QUEUED_BYTES_MAX = 256 * 1024;
const QUEUED_PIECES_MAX = 1024;

/**
 * Begins to read. Fails with `UploadAbortedError`, `UploadStalledError`, `onTooLarge()` or the reason of the signal, where there is one.
 *
 * The stream stays flowing: every pause costs Node two system calls and a copy, so it is paused only when the taker falls behind.
 * The idle time counts only while the taker waits: it is the client's pause, never ours.
 */
export function openRequestBody(req: IncomingMessage, limits: RequestBodyLimits, signal?: AbortSignal): RequestBody {
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  let queue: Buffer[] = [];
  let queuedBytes = 0;
  let receivedBytes = 0;
  let ended = false;
  let error: { readonly reason: unknown } | undefined;
  let waiting: PromiseWithResolvers<Buffer | undefined> | undefined;

  const fail = (reason: unknown): void => {
    if (error !== undefined) return;
    error = { reason };
    req.pause();
    queue = [];
    failure.reject(reason);
    waiting?.reject(reason);
    waiting = undefined;
  };
  const onBytes = (piece: Buffer): void => {
    if (error !== undefined) return;
    receivedBytes += piece.length;
    if (receivedBytes > limits.sizeBytesMax) {
      fail(limits.onTooLarge());
    } else if (waiting !== undefined) {
      waiting.resolve(piece);
      waiting = undefined;
    } else {
      queue.push(piece);
      queuedBytes += piece.length;
      if (queuedBytes > QUEUED_BYTES_MAX || queue.length > QUEUED_PIECES_MAX) req.pause();
    }
  };
  const onEnd = (): void => {
    ended = true;
    waiting?.resolve(undefined);
    waiting = undefined;
  };
  const onGone = (cause?: unknown): void => {
    if (!ended) fail(new UploadAbortedError(cause === undefined ? undefined : { cause }));
  };
  const onAbort = (): void => fail(signal?.reason);
  const idle = setTimeout(() => {
    if (waiting !== undefined) fail(new UploadStalledError(limits.idleTimeoutMs));
  }, limits.idleTimeoutMs);

  if (signal?.aborted) onAbort();
  else if (req.destroyed) onGone();
  signal?.addEventListener('abort', onAbort, { once: true });
  req.on('error', onGone).on('close', onGone).on('end', onEnd).on('data', onBytes);

  return {
    failed: failure.promise,
    async take() {
      if (error !== undefined) throw error.reason;
      const piece = queue.shift();
      if (piece !== undefined) {
        queuedBytes -= piece.length;
        if (queuedBytes === 0) req.resume();
        return piece;
      }
      if (ended) return undefined;
      idle.refresh();
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
    close() {
      clearTimeout(idle);
      signal?.removeEventListener('abort', onAbort);
      req.off('error', onGone).off('close', onGone).off('end', onEnd).off('data', onBytes);
      if (!ended) req.pause();
    },
  };
}
