/** What the handlers' use cases get: every part that main made, by area. */
import type { HandlerDeps } from '../../handlers/index.ts';
import type { Config } from '../config.ts';
import { findFormFaults } from '../contract/form-faults.ts';
import { checkProviderSettings, findSettingsSchema } from '../contract/provider-settings.ts';
import type { Db } from '../db/db.ts';
import { parseJsonField } from '../http/json-field.ts';
import { createImageInspector } from '../media/inspect-image.ts';
import { preparePicture } from '../media/prepare-picture.ts';
import type { Metrics } from '../observability/metrics.ts';
import { createHashQueue } from '../services/access/hash-queue.ts';
import { createSignInThrottle } from '../services/access/sign-in-throttle.ts';
import type { TokenKeys } from '../services/access/token-keys.ts';
import { type AddressLimit, createAddressThrottle } from '../services/address-throttle.ts';
import type { SecretBox } from '../services/secrets/secret-box.ts';
import type { IngestPasswordCheck } from '../services/settings/ingest-password.ts';
import type { ProviderKeys } from '../services/settings/provider-keys.ts';
import type { StationInspector } from '../services/slot/station-inspector.ts';
import type { JudgeWebhookUrl } from '../services/webhook/webhook-deps.ts';
import type { Worker } from '../worker/worker.ts';
import type { WorkerDeps } from '../worker/worker-deps.ts';
import { probePublicAddress } from './probe-public-address.ts';

const PUBLIC_LINKS: AddressLimit = { name: 'public-links', requestsPerMinute: 600 };
/** Once a process knows the right password, wrong ones never hold it up. */
const WRONG_PASSWORDS: AddressLimit = { name: 'wrong-ingest-passwords', requestsPerMinute: 20 };
/** Each is up to six jobs that take the places of guests' photos. */
const TEST_RUNS: AddressLimit = { name: 'test-runs', requestsPerMinute: 30 };

/** What is there before the first request. */
export interface HandlerParts {
  readonly config: Config;
  readonly deps: WorkerDeps;
  readonly metrics: Metrics;
  readonly worker: Worker | undefined;
  readonly secretBox: SecretBox;
  readonly providerKeys: ProviderKeys;
  readonly tokenKeys: TokenKeys;
  readonly passwordCheck: IngestPasswordCheck;
  readonly stationInspector: StationInspector;
  readonly webhookPost: { readonly judgeWebhookUrl: JudgeWebhookUrl };
  readonly isDraining: () => boolean;
  /** Where links begin; known once the server listens. */
  readonly publicBaseUrl: () => string;
}

/** Connects the parts. */
export function createHandlerDeps(parts: HandlerParts): Omit<HandlerDeps, 'contractDocument' | 'contractVersion'> {
  const { config, deps, publicBaseUrl, isDraining } = parts;
  const { db, store, providers } = deps;
  const { values } = config;
  // one count for all links: guessing ids of one kind is not cheaper for trying the other, too
  const publicLinks = createAddressThrottle(db, PUBLIC_LINKS);
  return {
    ingest: ingestDeps(parts),
    testRun: testRunDeps(parts),
    download: { db, store, throttle: publicLinks },
    readiness: { db, store, providers, isDraining, isRehearsal: config.isRehearsal },
    jobs: jobDeps(parts),
    operations: { db, metrics: parts.metrics },
    access: accessDeps(db, parts.tokenKeys, values.JWT_ACCESS_TTL_SECONDS),
    slots: {
      db,
      providers,
      stationInspector: parts.stationInspector,
      publicBaseUrl,
      probePublicAddress,
      checkSettings: checkProviderSettings,
      retentionHours: values.RESULT_RETENTION_HOURS,
    },
    media: {
      db,
      store,
      createInspector: createImageInspector,
      preparePicture,
      publicBaseUrl,
      throttle: publicLinks,
      windowSeconds: values.T_SYNC_RESPONSE_SECONDS,
      limits: { uploadBytesMax: values.UPLOAD_BYTES_MAX, imagePixelsMax: values.IMAGE_PIXELS_MAX },
    },
    statistics: { db, providers, now: () => new Date() },
    webhooks: { db, secretBox: parts.secretBox, judgeWebhookUrl: parts.webhookPost.judgeWebhookUrl },
    settings: {
      db,
      providers,
      providerKeys: parts.providerKeys,
      secretBox: parts.secretBox,
      environment: { windowSeconds: values.T_SYNC_RESPONSE_SECONDS, retentionHours: values.RESULT_RETENTION_HOURS },
    },
    providerList: { db, providers, findSettingsSchema },
  };
}

/** What receiving a photo and waiting for its picture needs. */
function ingestDeps({ config, deps, worker, ...parts }: HandlerParts): HandlerDeps['ingest'] {
  const { db, store, providers, held, log, meter } = deps;
  const { values } = config;
  return {
    db,
    store,
    providers,
    held,
    worker,
    log,
    meter,
    createInspector: createImageInspector,
    passwordCheck: parts.passwordCheck,
    wrongPasswords: createAddressThrottle(db, WRONG_PASSWORDS),
    isDraining: parts.isDraining,
    publicBaseUrl: parts.publicBaseUrl,
    stationInspector: parts.stationInspector,
    limits: {
      openJobsMax: values.QUEUE_MAX_IN_FLIGHT_JOBS,
      uploadBytesMax: values.UPLOAD_BYTES_MAX,
      imagePixelsMax: values.IMAGE_PIXELS_MAX,
      windowSeconds: values.T_SYNC_RESPONSE_SECONDS,
    },
  };
}

/** What trying a slot needs. */
const testRunDeps = (parts: HandlerParts): HandlerDeps['testRun'] => ({
  ...ingestDeps(parts),
  checkSettings: checkProviderSettings,
  testRuns: createAddressThrottle(parts.deps.db, TEST_RUNS),
  parseJsonField,
  findFormFaults,
});

const accessDeps = (db: Db, tokenKeys: TokenKeys, tokenLifetimeSeconds: number): HandlerDeps['access'] => ({
  db,
  tokenKeys,
  throttle: createSignInThrottle(db),
  hashQueue: createHashQueue(),
  tokenLifetimeSeconds,
});

/** What looking after jobs and their results needs. */
function jobDeps({
  config: { values },
  deps: { db, store, providers, held, log, meter },
  worker,
  isDraining,
  publicBaseUrl,
}: Pick<HandlerParts, 'config' | 'deps' | 'worker' | 'isDraining' | 'publicBaseUrl'>): HandlerDeps['jobs'] {
  return {
    db,
    store,
    providers,
    held,
    worker,
    log,
    meter,
    isDraining,
    publicBaseUrl,
    now: () => new Date(),
    limits: { openJobsMax: values.QUEUE_MAX_IN_FLIGHT_JOBS, windowSeconds: values.T_SYNC_RESPONSE_SECONDS },
  };
}
