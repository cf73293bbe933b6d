/** A queue in the closed loop of the queue benchmark: so many jobs are open, and each one's end adds the next. */
export interface QueueContender {
  /** Adds a job, which does nothing. Rejects when that fails. */
  add(): Promise<void>;
  stop(): Promise<void>;
}

export interface ContenderOptions {
  /** An empty database of its own. */
  readonly url: string;
  /** To be called whenever a job's end is recorded in the database. */
  readonly onDone: () => void;
  /** Called with what makes the figures worthless. */
  readonly onFault: (error: unknown) => void;
}

/** Makes the schema and starts working. */
export type StartContender = (options: ContenderOptions) => Promise<QueueContender>;

/** Jobs open at once. */
export const OPEN_JOBS = 64;
/** Connections that work, for every queue; one more listens. */
export const POOL_SIZE = 12;
