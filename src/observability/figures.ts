/** What a scrape asks the database and the disk, bounded and shared: any number of scrapers cost one statement a second. */
import type { Db } from '../db/db.ts';
import {
  type ProviderStanding,
  type QueueFigures,
  readQueueFigures,
  readStandings,
  readUsedBytes,
} from '../repositories/installation-figures.ts';
import { type BudgetUse, readBudgetUse, readTodaysCalls, type TodaysCalls } from '../repositories/ledger.ts';

const SHARED_MS = 1_000;
const LIMIT_MS = 1_000;
/** Adding up all live results reads each of their rows: 100,000 take 0.1 s, too much for every scrape. */
const USED_SHARED_MS = 60_000;
/** Adding up a day's calls reads each of them: 10,000 take some 10 ms. */
const LEDGER_SHARED_MS = 10_000;

/** What was found; a part that did not answer in time is missing. */
export interface Figures {
  readonly isDatabaseUp: boolean;
  readonly queue: readonly QueueFigures[];
  readonly usedBytes: readonly { readonly kind: string; readonly bytes: number }[];
  readonly freeBytes: number | undefined;
  readonly standings: readonly ProviderStanding[];
  /** Undefined where it is not known. */
  readonly today: readonly TodaysCalls[] | undefined;
  readonly budgets: readonly BudgetUse[];
}

/** Where the figures come from. */
export interface FigureSources {
  readonly db: Db;
  /** Free space of the media disk. */
  readonly freeBytes: () => Promise<number>;
}

/** @returns a function that never rejects, and answers after a second at the latest. */
export function createFigures({ db, freeBytes }: FigureSources): () => Promise<Figures> {
  const queue = shared(SHARED_MS, () => withinLimit(readQueueFigures(db, LIMIT_MS)));
  const used = shared(USED_SHARED_MS, () => withinLimit(readUsedBytes(db, LIMIT_MS)));
  const standings = shared(SHARED_MS, () => withinLimit(readStandings(db, LIMIT_MS)));
  const today = shared(LEDGER_SHARED_MS, () => withinLimit(readTodaysCalls(db, LIMIT_MS)));
  const budgets = shared(LEDGER_SHARED_MS, () => withinLimit(readBudgetUse(db, LIMIT_MS)));
  const free = shared(SHARED_MS, () => withinLimit(freeBytes()));
  return async () => {
    const asked = [queue(), used(), free(), standings(), today(), budgets()] as const;
    const [foundQueue, foundUsed, foundFree, foundStandings, foundToday, foundBudgets] = await Promise.all(asked);
    return {
      isDatabaseUp: foundQueue !== undefined,
      queue: foundQueue ?? [],
      usedBytes: foundUsed ?? [],
      freeBytes: foundFree,
      standings: foundStandings ?? [],
      today: foundToday,
      budgets: foundBudgets ?? [],
    };
  };
}

/** One answer, also a missing one, for all who ask within a while. */
function shared<Value>(forMs: number, ask: () => Promise<Value>): () => Promise<Value> {
  let asked: { readonly untilAt: number; readonly answer: Promise<Value> } | undefined;
  return () => {
    if (asked === undefined || performance.now() >= asked.untilAt)
      asked = { untilAt: performance.now() + forMs, answer: ask() };
    return asked.answer;
  };
}

/** @returns undefined for what failed or took too long: a scrape tells what is missing by leaving it out. */
async function withinLimit<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LIMIT_MS, undefined);
  });
  try {
    return await Promise.race([answer.catch(() => undefined), limit]);
  } finally {
    clearTimeout(timer);
  }
}
