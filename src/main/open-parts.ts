import { randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createDiskStore } from '../media/disk-store.ts';
import { finishResult } from '../media/finish-result.ts';
import { stripPicture } from '../media/strip-picture.ts';
import { createHeldRequests } from '../services/job/held-requests.ts';
import { publishPicture } from '../services/media/publish-picture.ts';
import { createProviderStanding } from '../services/provider/provider-standing.ts';
import { seedProviderLanes } from '../services/provider/seed-provider-lanes.ts';
import { createProviderKeys } from '../services/settings/provider-keys.ts';
import { createStationInspector } from '../services/slot/station-inspector.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';
import { createProviders } from './create-providers.ts';
import { openAccess } from './open-access.ts';
import type { OpenDatabase } from './open-database.ts';
import { openMetrics } from './open-metrics.ts';
import { openSecrets } from './open-secrets.ts';
import { openWebhookPost } from './open-webhook-post.ts';

/** What opening needs. */
export interface OpeningParts {
  readonly config: Config;
  readonly log: Log;
  readonly database: OpenDatabase;
  /** Where links begin; asked when one is made. */
  readonly publicBaseUrl: () => string;
  /** Gets a step in front for each thing that has to be closed, also when a later one cannot be opened. */
  readonly undo: (() => Promise<void>)[];
}

/**
 * Opens what a process needs in any role beside its database: the secrets, the providers, the media store and the metrics. Sets what
 * a new installation lacks.
 */
export async function openParts({ config, log, database: { db }, publicBaseUrl, undo }: OpeningParts) {
  const secretBox = await openSecrets(config, db);
  const providerKeys = createProviderKeys({ db, secretBox, log });
  await providerKeys.refresh();
  const { providers, keyIdOf, close: closeProviders } = createProviders(config, providerKeys.keyOf);
  undo.unshift(closeProviders);
  const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: config.values.MEDIA_FREE_BYTES_MIN });
  await store.open();
  await seedProviderLanes({ db, providers });
  const standing = createProviderStanding({ db, providers, keyIdOf });
  await standing.refresh();
  const access = await openAccess(config, db, secretBox);
  const held = createHeldRequests();
  const { metrics, address: metricsAddress, end } = await openMetrics({ config, log, db, store, providers, held });
  undo.unshift(end);
  const publishing = { db, store, stripPicture, publicBaseUrl, imagePixelsMax: config.values.IMAGE_PIXELS_MAX };
  const deps: WorkerDeps = {
    db,
    store,
    providers,
    held,
    meter: metrics,
    finishResult,
    publishPicture: (jobId, image) => publishPicture(publishing, jobId, image),
    paceOf: standing.paceOf,
    keyIdOf,
    log,
    options: workerOptions(config),
  };
  const stationInspector = createStationInspector({ db });
  const webhookPost = openWebhookPost(config);
  undo.unshift(webhookPost.close);
  return { deps, secretBox, providerKeys, standing, access, metrics, metricsAddress, stationInspector, webhookPost };
}

const workerOptions = (config: Config): WorkerDeps['options'] => ({
  workerId: randomUUID(),
  concurrency: config.values.WORKER_CONCURRENCY,
  leaseMs: config.leaseMs,
  imagePixelsMax: config.values.IMAGE_PIXELS_MAX,
  retentionHours: config.values.RESULT_RETENTION_HOURS,
});
