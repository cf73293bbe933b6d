import type { Db } from '../../db/db.ts';
import type { Provider } from '../../providers/provider.ts';
import { seedLanes } from '../../repositories/lanes.ts';

/** Gives every provider without limits those it describes itself; limits that were changed since stay. */
export async function seedProviderLanes(deps: { db: Db; providers: ReadonlyMap<string, Provider> }): Promise<void> {
  const lanes = [...deps.providers.values()].map(({ description }) => ({
    providerId: description.id,
    runningMax: description.runningMax,
    callsPerMinute: description.callsPerMinute,
    callsPerDay: description.callsPerDay ?? null,
    quotaZone: description.quotaZone ?? 'UTC',
    expectedMs: description.slowCallMs,
    openMax: null,
  }));
  await seedLanes(deps.db, lanes);
}
