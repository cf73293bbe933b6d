import type { IncomingHttpHeaders } from 'node:http';
import type { PollStep } from './poll-dialect.ts';
import type { ReceivedImage } from './received-image.ts';

/** What is remembered of a request. */
export interface StepRecord {
  /** Undefined for an address that the service does not have. */
  readonly step: PollStep | undefined;
  /** Of a submitted job, once it was taken. */
  jobId: string | undefined;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Of a submitted job: its pictures by their names, in the order they were sent; one of a list is called `name[0]`. */
  pictures?: Readonly<Record<string, ReceivedImage>>;
}

export interface StepLog {
  readonly steps: readonly StepRecord[];
  begin(record: StepRecord): StepRecord;
  /** Notes that a request was served and wakes who waits for it. */
  answered(record: StepRecord): void;
  /** Resolves with the `n`-th request of a step, from 1, once it was served; rejects when the simulator stops before. */
  wait(step: PollStep, n: number): Promise<StepRecord>;
  /** Rejects everyone who still waits. */
  close(): void;
}

interface Waiter {
  readonly step: PollStep;
  readonly n: number;
  readonly resolve: (record: StepRecord) => void;
  readonly reject: (error: Error) => void;
}

/** Remembers every request, in the order of arrival. */
export function createStepLog(): StepLog {
  const steps: StepRecord[] = [];
  const served = new Set<StepRecord>();
  const waiters = new Set<Waiter>();
  const find = (step: PollStep, n: number): StepRecord | undefined => {
    const record = steps.filter((candidate) => candidate.step === step)[n - 1];
    return record !== undefined && served.has(record) ? record : undefined;
  };
  return {
    steps,
    begin(record) {
      steps.push(record);
      return record;
    },
    answered(record) {
      served.add(record);
      for (const waiter of waiters) {
        const found = find(waiter.step, waiter.n);
        if (found === undefined) continue;
        waiters.delete(waiter);
        waiter.resolve(found);
      }
    },
    wait(step, n) {
      const found = find(step, n);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve, reject) => waiters.add({ step, n, resolve, reject }));
    },
    close() {
      for (const { step, n, reject } of waiters) reject(new Error(`the simulator stopped before ${step} number ${n}`));
      waiters.clear();
    },
  };
}
