/** Sending the bytes of an answer, from memory or from a file, at the reader's pace and no slower than is tolerable. */
import type { ServerResponse } from 'node:http';
import type { ByteBody } from '../contract/handler.ts';

/** How bytes are sent. */
export interface SendBytesOptions {
  /** The longest time in which a reader may take none of the bytes before its connection is destroyed. */
  readonly idleTimeoutMs: number;
  /** Answers HEAD: the head only. */
  readonly headOnly?: boolean;
}

/**
 * How much is handed to the kernel at once. Progress shows only when a piece was taken whole, so a reader needs at least
 * this much per idle timeout: 4.4 kB/s with 15 s.
 */
const PIECE_BYTES = 64 * 1024;
/** What one reader of a file costs in memory. */
const READ_BYTES = 128 * 1024;

/**
 * Sends the body after the head that the caller set on `res`, adds Content-Length where it is missing, and ends the answer. In every
 * case the body is released (`release`, or the handle closed) exactly once, before it settles.
 *
 * @returns `sent` when the kernel has taken everything, `gone` when the connection ended before, by the reader or for its idleness.
 * @throws Error when the file cannot be read or is shorter than said; the connection is then destroyed, as the answer cannot be
 * completed.
 */
export async function sendBytes(
  res: ServerResponse,
  body: ByteBody,
  { idleTimeoutMs, headOnly = false }: SendBytesOptions,
): Promise<'sent' | 'gone'> {
  const reader = watchReader(res, idleTimeoutMs);
  try {
    if (!res.headersSent && !res.hasHeader('content-length') && body.sizeBytes !== undefined)
      res.setHeader('Content-Length', body.sizeBytes);
    if (!headOnly) {
      for await (const piece of piecesOf(body)) {
        if (!(await reader.send(piece))) return 'gone';
      }
    }
    return (await reader.end()) ? 'sent' : 'gone';
  } catch (error) {
    res.destroy();
    throw error;
  } finally {
    reader.close();
    await releaseBytes(body);
  }
}

/** Gives back what stands behind a body, sent or not. */
export async function releaseBytes(body: ByteBody): Promise<void> {
  if (body.kind === 'file') await body.handle.close();
  else if (body.kind === 'memory') body.release?.();
  else await body.chunks[Symbol.asyncIterator]().return?.();
}

interface Reader {
  /** Resolves to whether the kernel has taken all of these buffers, which then may be used again. */
  send(buffers: readonly Buffer[]): Promise<boolean>;
  /** Resolves to whether the answer is complete. */
  end(): Promise<boolean>;
  close(): void;
}

function watchReader(res: ServerResponse, idleTimeoutMs: number): Reader {
  // an answer that waits behind another one on its connection has no socket yet, its request always has
  const { socket } = res.req;
  let settle: ((taken: boolean) => void) | undefined;
  const onClose = (): void => settle?.(false);
  const idle = setTimeout(() => {
    if (res.socket === null && !socket.destroyed) idle.refresh();
    else socket.destroy();
  }, idleTimeoutMs);
  socket.on('close', onClose);

  function taken(write: (done: (error?: Error | null) => void) => void): Promise<boolean> {
    if (socket.destroyed || res.destroyed) return Promise.resolve(false);
    idle.refresh();
    return new Promise((resolve) => {
      settle = resolve;
      write((error) => resolve(error === undefined || error === null));
    });
  }

  return {
    send: (buffers) =>
      taken((done) => {
        res.cork();
        buffers.forEach((buffer, index) => {
          if (index === buffers.length - 1) res.write(buffer, done);
          else res.write(buffer);
        });
        res.uncork();
      }),
    end: () => taken((done) => res.end(done)),
    close() {
      clearTimeout(idle);
      socket.off('close', onClose);
    },
  };
}

function piecesOf(body: ByteBody): Iterable<Buffer[]> | AsyncIterable<Buffer[]> {
  switch (body.kind) {
    case 'memory':
      return memoryPieces(body.parts);
    case 'file':
      return filePieces(body);
    case 'stream':
      return streamPieces(body.chunks);
  }
}

/** Leaving the loop, for a reader that is gone too, ends the source: that closes what it has open. */
async function* streamPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  for await (const chunk of chunks) yield* memoryPieces([chunk]);
}

/** Cuts large buffers and gathers small ones, without copying. */
function* memoryPieces(parts: readonly Buffer[]): Generator<Buffer[]> {
  let piece: Buffer[] = [];
  let room = PIECE_BYTES;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const cut = part.subarray(at, at + room);
      piece.push(cut);
      at += cut.length;
      room -= cut.length;
      if (room > 0) continue;
      yield piece;
      piece = [];
      room = PIECE_BYTES;
    }
  }
  if (piece.length > 0) yield piece;
}

async function* filePieces({ handle, offset, sizeBytes }: ByteBody & { kind: 'file' }): AsyncGenerator<Buffer[]> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, sizeBytes));
  for (let read = 0; read < sizeBytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, sizeBytes - read), offset + read);
    if (bytesRead === 0) throw new Error(`The file ended ${sizeBytes - read} bytes before its stated size.`);
    read += bytesRead;
    yield* memoryPieces([buffer.subarray(0, bytesRead)]);
  }
}
