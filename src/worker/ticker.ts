/** A task that repeats until it is stopped, never beside itself; a failure is logged and the next turn comes as usual. */
export interface Ticker {
  /** Resolves when the turn under way, if any, is over. */
  stop(): Promise<void>;
}

/** When a task’s turns come. */
export interface TickerOptions {
  readonly name: string;
  readonly intervalMs: number;
  /** Up to this share of the interval is added or taken away, so that processes do not march in step. */
  readonly jitter: number;
  /** The first turn comes at once instead of after an interval. */
  readonly beginsAtOnce?: boolean;
  readonly log: { warn(fields: Record<string, unknown>, message: string): void };
}

/** Starts the task's turns, the first one after an interval unless it is said otherwise. */
export function startTicker(
  task: () => Promise<void>,
  { name, intervalMs, jitter, beginsAtOnce = false, log }: TickerOptions,
): Ticker {
  let isStopped = false;
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const schedule = () => {
    timer = setTimeout(run, intervalMs * (1 + jitter * (2 * Math.random() - 1)));
  };
  const run = () => {
    turn = task()
      .catch((error) => log.warn({ task: name, err: error }, 'task failed; the next turn tries again'))
      .then(() => {
        if (!isStopped) schedule();
      });
  };
  if (beginsAtOnce) run();
  else schedule();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
