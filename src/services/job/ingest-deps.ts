import type { Db } from '../../db/db.ts';
import type { ImageMimeType } from '../../domain/images.ts';
import type { Log } from '../../log.ts';
import type { MediaStore } from '../../media/store.ts';
import type { ImageInspector } from '../../media/upload.ts';
import type { Provider } from '../../providers/provider.ts';
import type { AddressThrottle } from '../address-throttle.ts';
import type { IngestPasswordCheck } from '../settings/ingest-password.ts';
import type { StationInspector } from '../slot/station-inspector.ts';
import type { HeldRequests } from './held-requests.ts';
import type { JobMeter } from './job-meter.ts';
import type { LocalWorker } from './local-worker.ts';

/** What an inspector judges a picture by. */
export interface InspectorOptions {
  readonly declaredMimeType: string;
  readonly acceptedMimeTypes: readonly ImageMimeType[];
  readonly pixelsMax: number;
}

/** What accepting a photo and waiting for its picture needs. */
export interface IngestDeps {
  readonly db: Db;
  readonly store: MediaStore;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly held: HeldRequests;
  readonly createInspector: (options: InspectorOptions) => ImageInspector;
  readonly passwordCheck: IngestPasswordCheck;
  /** Missing in a process that runs no worker. */
  readonly worker: LocalWorker | undefined;
  /** Counts wrong passwords by address. */
  readonly wrongPasswords: AddressThrottle;
  /** Whether the server is about to stop. */
  readonly isDraining: () => boolean;
  readonly log: IngestLog;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  /** Told of every request of a slot, once it has ended. */
  readonly stationInspector: StationInspector;
  /** Absent where nobody reads metrics. */
  readonly meter?: JobMeter | undefined;
  readonly limits: {
    readonly openJobsMax: number;
    readonly uploadBytesMax: number;
    readonly imagePixelsMax: number;
    /** The environment's window, in force until settings hold one; below 45 s it always rules (tests, rehearsals). */
    readonly windowSeconds: number;
  };
}

/** The lines an ingest writes; ids and durations only. */
export type IngestLog = Pick<Log, 'info' | 'warn'>;
