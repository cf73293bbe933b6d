/** What a benchmark gets and what it gives back. */
import type { Pictures } from './pictures.ts';

export interface BenchContext {
  /** How often everything is measured; what is compared takes turns. Medians need at least three. */
  readonly rounds: number;
  /** Small counts, to see whether a benchmark works; its figures mean little. */
  readonly isQuick: boolean;
  /** A folder of this run, removed at its end. The user PostgreSQL runs as may pass it. */
  readonly directory: string;
  readonly pictures: Pictures;
  /** Where the servers leave CPU profiles; undefined: they are not profiled. */
  readonly profileDirectory: string | undefined;
  /** One line of progress. */
  say(line: string): void;
}

/** What a figure has to keep to. */
export type Bar = { readonly atMost: number } | { readonly atLeast: number };

/** One figure, measured once a round. */
export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  readonly rounds: readonly number[];
  readonly bar?: Bar;
  /** Figures of the same unit; the table shows this row's median over each. */
  readonly comparedWith?: readonly { readonly name: string; readonly value: number }[];
}

/** A table beside the figures: where the time goes. */
export interface Breakdown {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface BenchResult {
  readonly title: string;
  readonly rows: readonly BenchRow[];
  readonly breakdowns?: readonly Breakdown[];
  /** How to read the figures: what is counted from where to where. */
  readonly notes: readonly string[];
  /** Everything measured, for the JSON file. */
  readonly raw?: unknown;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(context: BenchContext): Promise<BenchResult>;
}
