/** Ways to put load on something. */
import { setTimeout as delay } from 'node:timers/promises';

/** Starts `count` calls by the clock, whatever became of those before. Rejects when one does, after all have ended. */
export async function runOpenLoop<Result>(
  count: number,
  perSecond: number,
  call: () => Promise<Result>,
): Promise<{ results: Result[]; openMax: number }> {
  const startedAt = performance.now();
  const calls: Promise<Result>[] = [];
  let open = 0;
  let openMax = 0;
  for (let index = 0; index < count; index += 1) {
    await delay(Math.max(0, startedAt + (index * 1000) / perSecond - performance.now()));
    open += 1;
    openMax = Math.max(openMax, open);
    const result = call().finally(() => {
      open -= 1;
    });
    result.catch(() => {});
    calls.push(result);
  }
  await Promise.allSettled(calls);
  return { results: await Promise.all(calls), openMax };
}

/**
 * Keeps `clients` calls going, each client's next one right after its last, for a time to warm up and a time to measure.
 *
 * @returns what ended within the measured time, and how many that were a second.
 */
export async function runClosedLoop<Result>(
  clients: number,
  { warmUpMs, measuredMs }: { warmUpMs: number; measuredMs: number },
  call: () => Promise<Result>,
): Promise<{ results: Result[]; perSecond: number }> {
  const from = performance.now() + warmUpMs;
  const until = from + measuredMs;
  const results: Result[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const result = await call();
      const endedAt = performance.now();
      if (endedAt >= from && endedAt < until) results.push(result);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { results, perSecond: (results.length * 1000) / measuredMs };
}
