/** What the handlers' use cases get: every part that main made, by area. */
import type { HandlerDeps } from '../../handlers/index.ts';
import type { Config } from '../config.ts';
import { createImageInspector } from '../media/inspect-image.ts';
import { createAddressThrottle } from '../services/address-throttle.ts';
import { createIngestPasswordCheck } from '../services/settings/ingest-password.ts';
import type { Worker } from '../worker/worker.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';

const RESULT_REQUESTS_PER_MINUTE = 600;
/** A right password is never held up by wrong ones. */
const WRONG_PASSWORDS_PER_MINUTE = 20;

/** What is there before the first request. */
export interface HandlerParts {
  readonly config: Config;
  readonly deps: WorkerDeps;
  readonly worker: Worker | undefined;
  readonly isDraining: () => boolean;
  /** Where links begin; known once the server listens. */
  readonly publicBaseUrl: () => string;
}

/** Connects the parts. */
export function createHandlerDeps({
  config,
  deps,
  worker,
  isDraining,
}: HandlerParts): Omit<HandlerDeps, 'contractDocument' | 'contractVersion'> {
  const { db, store, providers, held, log } = deps;
  const { values } = config;
  return {
    ingest: {
      db,
      store,
      providers,
      held,
      worker,
      log,
      createInspector: createImageInspector,
      passwordCheck: createIngestPasswordCheck(),
      wrongPasswords: createAddressThrottle({ requestsPerMinute: WRONG_PASSWORDS_PER_MINUTE }),
      isDraining,
      limits: {
        openJobsMax: values.QUEUE_MAX_IN_FLIGHT_JOBS,
        uploadBytesMax: values.UPLOAD_BYTES_MAX,
        imagePixelsMax: values.IMAGE_PIXELS_MAX,
        windowSeconds: values.T_SYNC_RESPONSE_SECONDS,
      },
    },
    download: { db, store, throttle: createAddressThrottle({ requestsPerMinute: RESULT_REQUESTS_PER_MINUTE }) },
    readiness: { db, store, isDraining },
  };
}
