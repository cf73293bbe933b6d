import type { ProviderFailureFacts } from '../domain/provider-failure.ts';
import type { CleanUpReport } from '../domain/purge.ts';
import type { JobMeter } from '../services/job/job-meter.ts';

/** What a call came to: a picture, a failure of its kind, its time was over, it was stopped, or the program made a mistake. */
export type CallEnd = 'image' | ProviderFailureFacts['kind'] | 'timeout' | 'stopped' | 'fault';

/** Hears what a worker does, for the metrics. Nothing here may fail or wait. */
export interface WorkerMeter extends JobMeter {
  /** A job was taken for the first time. @param waitedMs since its photo arrived. */
  jobClaimed(providerId: string, waitedMs: number): void;
  callEnded(providerId: string, outcome: CallEnd, tookMs: number): void;
  /** An answer came after its job was final or in other hands. */
  lateAnswerRefused(): void;
  /** A silent worker's job went back to the queue. */
  jobReclaimed(): void;
  /** Waiting jobs went on to the next provider of their chain. */
  jobsRerouted(count: number): void;
  cleanedUp(removed: Partial<CleanUpReport>): void;
}
