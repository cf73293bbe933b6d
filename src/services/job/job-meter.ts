import type { JobEnd } from '../../domain/job.ts';

/** Hears how jobs end, for the metrics. Called once per job, by whoever made it final. */
export interface JobMeter {
  jobEnded(providerId: string, outcome: JobEnd): void;
}
