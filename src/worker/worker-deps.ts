import type { Db } from '../db/db.ts';
import type { Log } from '../log.ts';
import type { FinishResult } from '../media/picture.ts';
import type { MediaStore } from '../media/store.ts';
import type { Provider } from '../providers/provider.ts';
import type { HeldRequests } from '../services/job/held-requests.ts';
import type { PublishPicture } from '../services/media/publish-picture.ts';
import type { WorkerMeter } from './worker-meter.ts';

/** The lines a worker writes; ids and durations only. */
export type WorkerLog = Pick<Log, 'debug' | 'info' | 'warn' | 'error'>;

/** What the worker needs; every part is an interface that `main` fills. */
export interface WorkerDeps {
  readonly db: Db;
  readonly store: MediaStore;
  readonly finishResult: FinishResult;
  /** Puts an image of a job under a public link, for services that fetch by URL. */
  readonly publishPicture: PublishPicture;
  readonly providers: ReadonlyMap<string, Provider>;
  /** The requests this process holds: their pictures go straight from memory. */
  readonly held: HeldRequests;
  /** How long calls of a provider take lately. Absent: as the adapters describe themselves. */
  readonly paceOf?: ((providerId: string) => Pace | undefined) | undefined;
  /** Which key calls of a provider are made with, as a digest. Absent: providers have one key each. */
  readonly keyIdOf?: ((providerId: string) => string) | undefined;
  readonly log: WorkerLog;
  /** Absent where nobody reads metrics. */
  readonly meter?: WorkerMeter | undefined;
  readonly options: WorkerOptions;
}

/** How long the latest calls of a provider took, in milliseconds: half of them, and 19 of 20. */
export interface Pace {
  readonly usualMs: number;
  readonly slowMs: number;
}

/** How this process works. */
export interface WorkerOptions {
  readonly workerId: string;
  /** Jobs at once in this process. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly imagePixelsMax: number;
  /** The environment's retention, in force until settings hold one. */
  readonly retentionHours: number;
}
