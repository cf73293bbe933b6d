import { connect, type Socket } from 'node:net';
import { type AnswerEvents, type AnswerHead, createAnswerReader } from './answer-reader.ts';
import { StationError } from './station-error.ts';
import type { StationRequest } from './station-request.ts';
import { type StationTiming, type Stopwatch, startStopwatch } from './stopwatch.ts';
import { createUpload, type Upload } from './upload-body.ts';

const CONTINUE_WAIT_MS = 1000;

/** What the server said, whatever its status. */
export interface StationAnswer extends AnswerHead {
  readonly body: Buffer;
  readonly timing: StationTiming;
}

export interface SendOptions {
  /** How long the station waits for the whole answer. */
  readonly timeoutMs: number;
  /** Ends the call: it rejects with the signal's `reason`. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait for `100 Continue` before the body is sent without it (RFC 9110, section 10.1.1, asks not to wait for
   * ever); {@link CONTINUE_WAIT_MS} where it is left out.
   */
  readonly continueWaitMs?: number;
}

/**
 * Sends a request over a connection of its own, which is closed when the promise settles; no timer and no listener is left.
 *
 * @throws StationError `unreachable`, `closed`, `timeout` or `malformed_answer`; the signal's reason when it is aborted.
 */
export function sendStationRequest(request: StationRequest, options: SendOptions): Promise<StationAnswer> {
  const { signal } = options;
  return new Promise<StationAnswer>((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const socket = connect({ host: request.host, port: request.port, noDelay: true });
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const timeout = setTimeout(
      () => settle(() => reject(new StationError('timeout', `No answer within ${options.timeoutMs} ms.`))),
      options.timeoutMs,
    );
    const settle = (deliver: () => void): void => {
      clearTimeout(timeout);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      deliver();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    exchange(socket, request, options, {
      onAnswer: (answer) => settle(() => resolve(answer)),
      onFault: (error) => settle(() => reject(error)),
    });
  });
}

interface ExchangeEvents {
  onAnswer(answer: StationAnswer): void;
  onFault(error: unknown): void;
}

function exchange(socket: Socket, request: StationRequest, options: SendOptions, events: ExchangeEvents): void {
  const stopwatch = startStopwatch();
  const upload = createUpload(socket, request.body, () => stopwatch.note('sentMs'));
  const reader = createAnswerReader(answerEvents(stopwatch, upload, events));
  let isConnected = false;
  const guarded = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      events.onFault(error);
    }
  };
  socket.on('connect', () => {
    isConnected = true;
    stopwatch.note('connectMs');
    socket.write(request.head);
    upload.startAfter(request.expectContinue ? (options.continueWaitMs ?? CONTINUE_WAIT_MS) : 0);
  });
  socket.on('data', (bytes) => {
    stopwatch.note('firstByteMs');
    guarded(() => reader.push(bytes));
  });
  socket.on('end', () => guarded(() => reader.close()));
  socket.on('error', (error) => events.onFault(connectionFault(error, isConnected, upload.sentBytes(), request)));
  socket.on('close', () => upload.stop());
}

function answerEvents(stopwatch: Stopwatch, upload: Upload, events: ExchangeEvents): AnswerEvents {
  let head: AnswerHead | undefined;
  return {
    onContinue: () => {
      stopwatch.note('continueMs');
      stopwatch.forget('firstByteMs');
      upload.start();
    },
    onHead: (found) => {
      head = found;
      stopwatch.note('firstByteMs');
      upload.stop();
    },
    onEnd: (body) => {
      if (head !== undefined) events.onAnswer({ ...head, body, timing: stopwatch.read() });
    },
  };
}

function connectionFault(cause: Error, isConnected: boolean, sentBytes: number, request: StationRequest): StationError {
  if (!isConnected) {
    return new StationError('unreachable', `Cannot connect to ${request.host}:${request.port}: ${cause.message}`, {
      cause,
    });
  }
  const where = `after ${sentBytes} of ${request.bodySizeBytes} bytes of the body were sent`;
  return new StationError('closed', `The connection broke ${where}: ${cause.message}`, { cause });
}
