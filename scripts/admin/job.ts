import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { type FailureReason, jobState } from '../../src/domain/job.ts';
import { isSlotId } from '../../src/domain/slots.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import type { JobCountFilter } from '../../src/repositories/job-counts.ts';
import { listJobs } from '../../src/repositories/job-lists.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { cancelJob } from '../../src/services/job/cancel-job.ts';
import { rerunJob } from '../../src/services/job/rerun-job.ts';
import { type Command, readOptions, required, table, UsageError } from './command.ts';

/** `job show` */
export const showJobCommand: Command = {
  name: ['job', 'show'],
  usage: 'job show <job-id>',
  about: 'What happened to a photo, step by step: every attempt with its latency and the provider’s own words.',
  run: async ([id], { db }) => {
    const jobId = required(id, 'The job id');
    if (!/^[0-9a-f-]{36}$/i.test(jobId)) throw new UsageError(`"${jobId.slice(0, 60)}" is not a job id.`);
    const events = await listProcessingLog(db, jobId);
    if (events.length === 0) throw new UsageError(`There is no job ${jobId}.`);
    const rows = events.map((event) => [
      event.occurredAt.toISOString(),
      event.status,
      event.providerLatencyMs === null ? '' : `${event.providerLatencyMs} ms`,
      event.message ?? '',
      JSON.stringify(event.details ?? {}),
    ]);
    return table([['time', 'event', 'provider', 'message', 'details'], ...rows]);
  },
};

const REASONS = ['timeout', 'provider_error', 'cancelled'] as const satisfies readonly FailureReason[];

/** `job list` */
export const listJobsCommand: Command = {
  name: ['job', 'list'],
  usage: 'job list [--slot S] [--open | --failed timeout|provider_error|cancelled] [--limit N]',
  about: 'The newest photos and what became of them; --open shows those in work, --failed those that failed.',
  run: async (words, { db }) => {
    const { values } = readOptions(words, {
      slot: { type: 'string' },
      open: { type: 'boolean' },
      failed: { type: 'string' },
      limit: { type: 'string', default: '20' },
    });
    const limit = Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw new UsageError('--limit is 1 to 1000.');
    const jobs = await listJobs(db, filterOf(values), { sortBy: 'created_at', sortOrder: 'desc', limit, offset: 0 });
    const rows = jobs.map((job) => [
      job.createdAt.toISOString(),
      job.id,
      job.slotId,
      jobState(job),
      job.resultProviderId ?? job.providerId,
      job.failureMessage ?? '',
    ]);
    return table([['time', 'job', 'slot', 'state', 'provider', 'message'], ...rows]);
  },
};

function filterOf({ slot, open, failed }: { slot?: string; open?: boolean; failed?: string }): JobCountFilter {
  if (slot !== undefined && !isSlotId(slot)) throw new UsageError(`There is no slot "${slot.slice(0, 40)}".`);
  const failureReason = REASONS.find((reason) => reason === failed);
  if (failed !== undefined && failureReason === undefined) throw new UsageError(`--failed is ${REASONS.join(', ')}.`);
  return {
    ...(slot !== undefined && { slotId: slot }),
    ...(open === true && { isFinalized: false }),
    ...(failureReason !== undefined && { failureReason }),
  };
}

/** `job cancel` */
export const cancelJobCommand: Command = {
  name: ['job', 'cancel'],
  usage: 'job cancel <job-id>',
  about: 'Ends a photo that is in work; its station is answered at once.',
  run: async ([id], { config, db, log }) => {
    const jobId = required(id, 'The job id');
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: 0 });
    const deps = { db, store, log, worker: undefined, held: undefined, publicBaseUrl: () => '' };
    await cancelJob(deps, COMMAND_LINE, jobId);
    return `${jobId} is cancelled.`;
  },
};

/** `job rerun` */
export const rerunJobCommand: Command = {
  name: ['job', 'rerun'],
  usage: 'job rerun <job-id> [--settings current|original]',
  about: 'Runs a finished photo again, if its slot kept it; a running server does the work. Prints the new job.',
  run: async (words, { config, db, log, providers }) => {
    const { values, positionals } = readOptions(words, { settings: { type: 'string', default: 'current' } });
    const { settings } = values;
    if (settings !== 'current' && settings !== 'original') throw new UsageError('--settings is current or original.');
    const { MEDIA_FREE_BYTES_MIN, QUEUE_MAX_IN_FLIGHT_JOBS, T_SYNC_RESPONSE_SECONDS } = config.values;
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: MEDIA_FREE_BYTES_MIN });
    const limits = { openJobsMax: QUEUE_MAX_IN_FLIGHT_JOBS, windowSeconds: T_SYNC_RESPONSE_SECONDS };
    const rerun = await rerunJob(
      { db, store, providers, log, limits, worker: undefined, isDraining: () => false },
      COMMAND_LINE,
      { jobId: required(positionals[0], 'The job id'), settings, arrivedAt: performance.now() },
    );
    return `${rerun.job_id} runs ${rerun.rerun_of} again.`;
  },
};
