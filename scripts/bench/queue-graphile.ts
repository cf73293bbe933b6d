/** graphile-worker in the loop, without its batching: a job is taken alone and its end is written alone. */
import { Logger, run, runMigrations } from 'graphile-worker';
import { Pool, type PoolClient } from 'pg';
import { type ContenderOptions, POOL_SIZE, type QueueContender } from './queue-contender.ts';

/** One per working connection; 10, 24 and 64 were no faster. */
const CONCURRENT_JOBS = POOL_SIZE;

/**
 * Starts it. Its event `job:complete` comes before the row is deleted (version 0.18 does not wait for that), so the end of a
 * job is seen where it happens: in the connection, when the deleting statement has succeeded.
 */
export async function startGraphileWorker({ url, onDone, onFault }: ContenderOptions): Promise<QueueContender> {
  const logger = new Logger(() => () => {});
  // one connection listens
  const pgPool = new Pool({ connectionString: url, max: POOL_SIZE + 1 });
  pgPool.on('error', onFault);
  pgPool.on('connect', (client) => watchDeletions(client, onDone));
  await runMigrations({ pgPool, logger });
  const worker = {
    concurrentJobs: CONCURRENT_JOBS,
    pollInterval: 1_000,
    localQueue: { size: -1 },
    completeJobBatchDelay: -1,
    failJobBatchDelay: -1,
  };
  const runner = await run({
    pgPool,
    logger,
    noHandleSignals: true,
    preset: { worker },
    taskList: { nothing: async () => {} },
  });
  runner.promise.catch(onFault);
  return {
    add: async () => void (await runner.addJob('nothing', {})),
    async stop() {
      await runner.stop();
      await pgPool.end();
    },
  };
}

function watchDeletions(client: PoolClient, onDone: () => void): void {
  const query = client.query.bind(client) as (...all: unknown[]) => unknown;
  const watched = (...all: unknown[]): unknown => {
    const answer = query(...all);
    const text = (all[0] as { text?: string } | undefined)?.text;
    if (text?.startsWith('delete from "graphile_worker"._private_jobs') && answer instanceof Promise) {
      answer.then(onDone, () => {});
    }
    return answer;
  };
  client.query = watched as typeof client.query;
}
