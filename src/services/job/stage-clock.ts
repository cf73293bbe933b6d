/** How long each stage of a job took, in milliseconds, for the log: what is slow must be visible without a profiler. */
export interface StageClock {
  /** Ends the stage that was under way and names it; the same name adds up. */
  mark(stage: string): void;
  /** What was marked so far, rounded to hundredths. */
  durationsMs(): Readonly<Record<string, number>>;
}

/** Starts at `startedAt` (`performance.now()`). */
export function createStageClock(startedAt: number = performance.now()): StageClock {
  const durations: Record<string, number> = {};
  let last = startedAt;
  return {
    mark(stage) {
      const now = performance.now();
      durations[stage] = Math.round(((durations[stage] ?? 0) + now - last) * 100) / 100;
      last = now;
    },
    durationsMs: () => durations,
  };
}
