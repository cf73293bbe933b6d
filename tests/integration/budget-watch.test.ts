import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createRegistry } from '../../src/providers/registry.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { createBudgetWatch } from '../../src/worker/watch-budgets.ts';
import { setPrices, storeCalls } from '../support/ledger.ts';
import { createLogBook } from '../support/log-book.ts';
import { createTestQueue, type TestQueue } from '../support/queue.ts';

const SLOT = 'slot-003';

let queue: TestQueue;

beforeAll(async () => {
  queue = await createTestQueue();
  await setPrices(queue.db, [['gemini', 0.04]]);
  await updateSlot(queue.db, SLOT, { providerId: 'gemini', operationId: 'image_edit', dailyBudget: 1 });
});
beforeEach(() => queue.db.pool.query('delete from provider_call; delete from budget_notice'));
afterAll(() => queue.drop());

/** Lets so many calls have been charged. */
const spend = (calls: number) =>
  storeCalls(
    queue.db,
    Array.from({ length: calls }, () => ({ slotId: SLOT })),
  );

describe('the watch over budgets', () => {
  /** A process that watches. */
  const watcher = () => {
    const book = createLogBook();
    const watch = createBudgetWatch({ db: queue.db, providers: createRegistry([]), log: createLog('warn', book) });
    return { watch, said: () => book.lines.map(({ msg, slot_id: slotId, spent }) => ({ msg, slotId, spent })) };
  };
  const NEARLY = { msg: 'the daily budget of a slot is nearly used up', slotId: SLOT };
  const WHOLLY = { msg: 'the daily budget of a slot is used up', slotId: SLOT };

  it('says once a day, by one of all processes, that a budget is nearly used up, and that it is', async () => {
    const watchers = [watcher(), watcher(), watcher()];
    const turn = async () => {
      await Promise.all(watchers.map(({ watch }) => watch()));
      return watchers.flatMap(({ said }) => said());
    };
    expect(await turn()).toEqual([]);
    await spend(20);
    await turn();
    expect(await turn()).toEqual([{ ...NEARLY, spent: 0.8 }]);
    await spend(5);
    await turn();
    const all = await turn();
    expect(all).toHaveLength(2);
    expect(all).toContainEqual({ ...WHOLLY, spent: 1 });
  });

  it('says it again on the next day, and forgets the day before', async () => {
    await spend(25);
    await watcher().watch();
    await queue.db.pool.query(`update budget_notice set day = day - 1`);
    const next = watcher();
    await next.watch();
    expect(next.said()).toMatchObject([WHOLLY]);
    const { rows } = await queue.db.pool.query('select count(*)::int as notices from budget_notice');
    expect(rows).toEqual([{ notices: 1 }]);
  });
});
