import type { Dispatcher } from 'undici';
import type { RequestBody } from './request-body.ts';

/** What the reader of an answer says: `enough` gives the connection up and counts as the end. */
export type ReadNext = 'more' | 'enough';

/** Headers by lower-case name. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Who reads an answer while it arrives. Both methods may throw, which ends the exchange with that error. */
export interface AnswerSink {
  /** Called once, with the final status. Undefined is `more`. */
  head(status: number, headers: AnswerHeaders): ReadNext | undefined;
  /** Called for each chunk of the body. */
  push(chunk: Buffer): ReadNext;
}

/** The request of one exchange. */
export interface ExchangeRequest {
  /** Default: POST. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Needed by a dispatcher that serves several. */
  readonly origin?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Pick<RequestBody, 'sizeBytes' | 'chunks'> | undefined;
}

/**
 * One request and its answer over a pooled HTTP/1.1 connection. There is no time limit but the signal's.
 *
 * The dispatcher is used directly because `request` of undici 8.12 notices an abort only once the request has a connection: while
 * one is being made, or none is free, it would keep waiting.
 *
 * @returns when the whole answer was read, or the sink had enough.
 * @throws the signal's reason at once when it is aborted, what the sink threw, or the connection's error. In each of these cases
 * the connection is destroyed.
 */
export async function exchange(
  pool: Dispatcher,
  { method = 'POST', origin, path, headers, body }: ExchangeRequest,
  sink: AnswerSink,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const handler = createHandler(sink, resolve, reject);
  const onAbort = (): void => handler.giveUp(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    pool.dispatch(
      {
        ...(origin === undefined ? {} : { origin }),
        method,
        path,
        headers: body === undefined ? headers : { ...headers, 'content-length': String(body.sizeBytes) },
        // undici takes any async iterable, its types only name streams.
        ...(body === undefined ? {} : { body: body.chunks as never }),
      },
      handler,
    );
    await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface Handler extends Dispatcher.DispatchHandler {
  giveUp(reason: unknown): void;
}

/** Settles once; from then on whatever still arrives is ignored and a request that only now begins is stopped. */
function createHandler(sink: AnswerSink, resolve: () => void, reject: (reason: unknown) => void): Handler {
  let controller: Dispatcher.DispatchController | undefined;
  let isSettled = false;

  function settle(finish: () => void, isGivenUp: boolean): void {
    if (isSettled) return;
    isSettled = true;
    finish();
    if (isGivenUp) controller?.abort(new Error('the call was given up'));
  }
  function read(step: () => ReadNext | undefined): void {
    if (isSettled) return;
    try {
      if (step() === 'enough') settle(resolve, true);
    } catch (error) {
      settle(() => reject(error), true);
    }
  }
  return {
    giveUp: (reason) => settle(() => reject(reason), true),
    onRequestStart: (started) => {
      controller = started;
      if (isSettled) started.abort(new Error('the call was given up'));
    },
    onResponseStart: (_controller, status, headers) => {
      if (status >= 200) read(() => sink.head(status, headers));
    },
    onResponseData: (_controller, chunk) => read(() => sink.push(chunk)),
    onResponseEnd: () => settle(resolve, false),
    onResponseError: (_controller, error) => settle(() => reject(error), false),
  };
}
