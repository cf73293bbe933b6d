import type { ReceivedImage } from './received-image.ts';

/** How a request ended. `pending`: it has not yet. */
export type RequestOutcome = 'pending' | 'answered' | 'client_aborted' | 'cut' | 'stopped';

/** What a simulator remembers of a request. Times are milliseconds of `performance.now()`. */
export interface RecordedRequest {
  readonly method: string;
  /** With the query, as it was sent. */
  readonly path: string;
  /** Without the key. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly startedAt: number;
  /** When the whole request had arrived. */
  receivedAt: number | undefined;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  bytesReceived: number;
  bytesSent: number;
  status: number | undefined;
  /** The kind of the behaviour that was chosen. */
  behaviour: string | undefined;
  outcome: RequestOutcome;
  keyAccepted: boolean;
  model: string | undefined;
  prompt: string | undefined;
  images: readonly ReceivedImage[];
  /** Of Gemini's requests. */
  generationConfig: Readonly<Record<string, unknown>>;
  /** Of forms: the text fields, in their order. */
  fields: Readonly<Record<string, string>>;
  /** Of forms: the names of the files, in their order. */
  fileNames: readonly string[];
}

/** `started`: the head arrived; `received`: the whole request; `answering`: the answer began; `ended`: nothing more will happen. */
export type RequestStage = 'started' | 'received' | 'answering' | 'ended';

export interface RequestLog {
  readonly requests: readonly RecordedRequest[];
  begin(head: Pick<RecordedRequest, 'method' | 'path' | 'headers'>): RecordedRequest;
  /** Notes that a request came to a stage and wakes who waits for it. */
  reached(request: RecordedRequest, stage: RequestStage): void;
  /** Resolves with the `n`-th request (from 1) once it came to the stage; rejects when the simulator stops before. */
  wait(n: number, stage: RequestStage): Promise<RecordedRequest>;
  /** Rejects everyone who still waits. */
  close(): void;
}

/** Requests beyond this are served and forgotten, so that a long benchmark does not fill the memory. */
const REQUESTS_MAX = 10_000;

interface Waiter {
  readonly n: number;
  readonly stage: RequestStage;
  readonly resolve: (request: RecordedRequest) => void;
  readonly reject: (error: Error) => void;
}

/** Remembers the first {@link REQUESTS_MAX} requests in the order of arrival. */
export function createRequestLog(): RequestLog {
  const requests: RecordedRequest[] = [];
  const stages = new Map<RecordedRequest, Set<RequestStage>>();
  const waiters = new Set<Waiter>();

  function has(request: RecordedRequest | undefined, stage: RequestStage): request is RecordedRequest {
    return request !== undefined && stages.get(request)?.has(stage) === true;
  }
  function reached(request: RecordedRequest, stage: RequestStage): void {
    stages.get(request)?.add(stage);
    if (waiters.size === 0) return;
    for (const waiter of waiters) {
      if (waiter.stage !== stage || requests[waiter.n - 1] !== request) continue;
      waiters.delete(waiter);
      waiter.resolve(request);
    }
  }
  return {
    requests,
    reached,
    begin(head) {
      const request = newRequest(head);
      if (requests.length === REQUESTS_MAX) return request;
      requests.push(request);
      stages.set(request, new Set());
      reached(request, 'started');
      return request;
    },
    wait(n, stage) {
      const request = requests[n - 1];
      if (has(request, stage)) return Promise.resolve(request);
      return new Promise((resolve, reject) => waiters.add({ n, stage, resolve, reject }));
    },
    close() {
      for (const waiter of waiters)
        waiter.reject(new Error(`the simulator stopped before request ${waiter.n} was ${waiter.stage}`));
      waiters.clear();
    },
  };
}

function newRequest(head: Pick<RecordedRequest, 'method' | 'path' | 'headers'>): RecordedRequest {
  return {
    ...head,
    startedAt: performance.now(),
    receivedAt: undefined,
    answeredAt: undefined,
    endedAt: undefined,
    bytesReceived: 0,
    bytesSent: 0,
    status: undefined,
    behaviour: undefined,
    outcome: 'pending',
    keyAccepted: false,
    model: undefined,
    prompt: undefined,
    images: [],
    generationConfig: {},
    fields: {},
    fileNames: [],
  };
}
