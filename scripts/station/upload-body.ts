import type { Socket } from 'node:net';

/** The answer is seen between two pieces, so a refused upload stops after at most one piece. */
const PIECE_BYTES = 256 * 1024;

/** Sends the body once, when it is told to. */
export interface Upload {
  start(): void;
  /** Starts after a pause, unless it was started or stopped before. */
  startAfter(pauseMs: number): void;
  stop(): void;
  sentBytes(): number;
}

/** @param onSent is called when the last byte was handed to the system. */
export function createUpload(socket: Socket, body: readonly Buffer[], onSent: () => void): Upload {
  const pieces = cutPieces(body);
  let isStarted = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let next = 0;
  let sentBytes = 0;
  const sendNext = (): void => {
    if (isStopped) return;
    const piece = pieces[next];
    if (piece === undefined) {
      onSent();
      return;
    }
    next += 1;
    socket.write(piece, (error) => {
      if (error !== null && error !== undefined) return;
      sentBytes += piece.length;
      sendNext();
    });
  };
  const start = (): void => {
    clearTimeout(timer);
    if (isStarted || isStopped) return;
    isStarted = true;
    sendNext();
  };
  return {
    start,
    startAfter(pauseMs) {
      if (pauseMs === 0) start();
      else timer = setTimeout(start, pauseMs);
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
    sentBytes: () => sentBytes,
  };
}

function cutPieces(body: readonly Buffer[]): Buffer[] {
  return body.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / PIECE_BYTES) }, (_, at) =>
      part.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES),
    ),
  );
}
