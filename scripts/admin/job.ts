import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { type Command, required, table, UsageError } from './command.ts';

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
