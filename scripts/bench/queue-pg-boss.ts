/** pg-boss in the loop, without batches, through its `fetch` and `complete`. */
import { PgBoss } from 'pg-boss';
import { type ContenderOptions, POOL_SIZE, type QueueContender } from './queue-contender.ts';

const QUEUE = 'nothing';

/**
 * Starts it. `fetch` and `complete` are called in the flow that added a job: nothing waits for a notification or a poll, which
 * is the best case for it, and `complete` says when the end is recorded. (Its `work` waits for one of the two after each job.)
 */
export async function startPgBoss({ url, onDone, onFault }: ContenderOptions): Promise<QueueContender> {
  const boss = new PgBoss({ connectionString: url, max: POOL_SIZE, supervise: false, schedule: false });
  boss.on('error', onFault);
  await boss.start();
  await boss.createQueue(QUEUE);
  return {
    async add() {
      await boss.send(QUEUE, {});
      let job: { id: string } | undefined;
      // rarely another flow has taken this one's job while its own is not visible yet
      while (job === undefined) [job] = await boss.fetch(QUEUE, { batchSize: 1 });
      await boss.complete(QUEUE, job.id);
      onDone();
    },
    stop: () => boss.stop({ graceful: false, close: true }),
  };
}
