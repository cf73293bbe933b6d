/** Milliseconds since the call, on the monotonic clock. */
export interface StationTiming {
  readonly connectMs: number;
  /** When `100 Continue` came; null when it was not asked for or never came. */
  readonly continueMs: number | null;
  /** When the last byte of the request was handed to the system; null when the answer came first. */
  readonly sentMs: number | null;
  /** When the first byte of the final answer came. */
  readonly firstByteMs: number;
  readonly totalMs: number;
}

type Moment = Exclude<keyof StationTiming, 'totalMs'>;

/** Notes when things happen in one exchange. */
export interface Stopwatch {
  /** The first time counts. */
  note(moment: Moment): void;
  forget(moment: Moment): void;
  /** What was noted, and now as the end. */
  read(): StationTiming;
}

/** Starts running at once. */
export function startStopwatch(): Stopwatch {
  const startedAt = performance.now();
  const seen = new Map<Moment, number>();
  return {
    note: (moment) => {
      if (!seen.has(moment)) seen.set(moment, performance.now() - startedAt);
    },
    forget: (moment) => seen.delete(moment),
    read: () => ({
      connectMs: seen.get('connectMs') ?? 0,
      continueMs: seen.get('continueMs') ?? null,
      sentMs: seen.get('sentMs') ?? null,
      firstByteMs: seen.get('firstByteMs') ?? 0,
      totalMs: performance.now() - startedAt,
    }),
  };
}
