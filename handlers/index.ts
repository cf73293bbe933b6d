import type { Handlers } from '../src/contract/handler.ts';
import type { Metrics } from '../src/observability/metrics.ts';
import type { SignInDeps } from '../src/services/access/sign-in.ts';
import type { AuditDeps } from '../src/services/audit/list-audit.ts';
import type { ReadinessDeps } from '../src/services/health/check-readiness.ts';
import type { CancelDeps } from '../src/services/job/cancel-job.ts';
import type { IngestDeps } from '../src/services/job/ingest-deps.ts';
import type { RerunDeps } from '../src/services/job/rerun-job.ts';
import type { MediaDeps } from '../src/services/media/media-deps.ts';
import type { CloseCircuitDeps } from '../src/services/provider/close-circuit.ts';
import type { ListProvidersDeps } from '../src/services/provider/list-providers.ts';
import type { PurgeDeps } from '../src/services/purge/find-purges.ts';
import type { DownloadDeps } from '../src/services/result/download-result.ts';
import type { ZipDeps } from '../src/services/result/zip-slot-results.ts';
import type { UpdateSettingsDeps } from '../src/services/settings/update-platform-settings.ts';
import type { ChangeSlotDeps } from '../src/services/slot/change-slot.ts';
import type { ListStationRequestsDeps } from '../src/services/slot/list-station-requests.ts';
import type { SlotWarningsDeps } from '../src/services/slot/slot-warnings.ts';
import type { CostsDeps } from '../src/services/statistics/read-costs.ts';
import type { TestRunDeps } from '../src/services/test-run/test-run-deps.ts';
import type { WebhookDeps } from '../src/services/webhook/webhook-deps.ts';
import { cancelJob } from './cancelJob.ts';
import { changeOwnPassword } from './changeOwnPassword.ts';
import { closeProviderCircuit } from './closeProviderCircuit.ts';
import { createWebhook } from './createWebhook.ts';
import { deleteResult } from './deleteResult.ts';
import { deleteTemplateMedia } from './deleteTemplateMedia.ts';
import { deleteWebhook } from './deleteWebhook.ts';
import { downloadPublicResult } from './downloadPublicResult.ts';
import { downloadSlotResults } from './downloadSlotResults.ts';
import { enqueueMediaCachePurge } from './enqueueMediaCachePurge.ts';
import { getContract } from './getContract.ts';
import { getCurrentUser } from './getCurrentUser.ts';
import { getGlobalCosts } from './getGlobalCosts.ts';
import { getGlobalStats } from './getGlobalStats.ts';
import { getHealth } from './getHealth.ts';
import { getJob } from './getJob.ts';
import { getJobOriginal } from './getJobOriginal.ts';
import { getMediaCachePurge } from './getMediaCachePurge.ts';
import { getMetrics } from './getMetrics.ts';
import { getPlatformSettings } from './getPlatformSettings.ts';
import { getPublicMedia } from './getPublicMedia.ts';
import { getReadiness } from './getReadiness.ts';
import { getResultThumbnail } from './getResultThumbnail.ts';
import { getSlot } from './getSlot.ts';
import { getSlotCosts } from './getSlotCosts.ts';
import { getSlotStats } from './getSlotStats.ts';
import { getTemplateMedia } from './getTemplateMedia.ts';
import { getWebhook } from './getWebhook.ts';
import { ingestSlot } from './ingestSlot.ts';
import { listAuditEvents } from './listAuditEvents.ts';
import { listJobCalls } from './listJobCalls.ts';
import { listJobEvents } from './listJobEvents.ts';
import { listJobs } from './listJobs.ts';
import { listMediaCachePurges } from './listMediaCachePurges.ts';
import { listProviders } from './listProviders.ts';
import { listSlotRequests } from './listSlotRequests.ts';
import { listSlotResults } from './listSlotResults.ts';
import { listSlots } from './listSlots.ts';
import { listSlotVersions } from './listSlotVersions.ts';
import { listTemplateMedia } from './listTemplateMedia.ts';
import { listWebhookDeliveries } from './listWebhookDeliveries.ts';
import { listWebhooks } from './listWebhooks.ts';
import { loginUser } from './loginUser.ts';
import { redeliverWebhook } from './redeliverWebhook.ts';
import { registerMedia } from './registerMedia.ts';
import { registerTemplateMedia } from './registerTemplateMedia.ts';
import { rerunJob } from './rerunJob.ts';
import { resetSlotStats } from './resetSlotStats.ts';
import { restoreSlotVersion } from './restoreSlotVersion.ts';
import { rotateWebhookSecret } from './rotateWebhookSecret.ts';
import { testRunSlot } from './testRunSlot.ts';
import { testWebhook } from './testWebhook.ts';
import { updatePlatformSettings } from './updatePlatformSettings.ts';
import { updateSlot } from './updateSlot.ts';
import { updateWebhook } from './updateWebhook.ts';

/** What the handlers' use cases need, one entry per area. */
export interface HandlerDeps {
  readonly access: SignInDeps;
  readonly ingest: IngestDeps;
  readonly testRun: TestRunDeps;
  readonly download: DownloadDeps;
  readonly jobs: CancelDeps & RerunDeps & ZipDeps;
  readonly readiness: ReadinessDeps;
  readonly slots: ChangeSlotDeps & SlotWarningsDeps & ListStationRequestsDeps;
  readonly settings: UpdateSettingsDeps;
  readonly providerList: ListProvidersDeps & CloseCircuitDeps;
  readonly statistics: CostsDeps;
  readonly webhooks: WebhookDeps;
  readonly media: MediaDeps;
  readonly operations: AuditDeps & PurgeDeps & { readonly metrics: Pick<Metrics, 'contentType' | 'render'> };
  readonly contractDocument: () => Buffer;
  readonly contractVersion: () => string;
}

/** The operations of webhooks. */
const createWebhookHandlers = (
  deps: WebhookDeps,
): Pick<
  Handlers,
  | 'listWebhooks'
  | 'createWebhook'
  | 'getWebhook'
  | 'updateWebhook'
  | 'deleteWebhook'
  | 'rotateWebhookSecret'
  | 'testWebhook'
  | 'listWebhookDeliveries'
  | 'redeliverWebhook'
> => ({
  listWebhooks: listWebhooks(deps),
  createWebhook: createWebhook(deps),
  getWebhook: getWebhook(deps),
  updateWebhook: updateWebhook(deps),
  deleteWebhook: deleteWebhook(deps),
  rotateWebhookSecret: rotateWebhookSecret(deps),
  testWebhook: testWebhook(deps),
  listWebhookDeliveries: listWebhookDeliveries(deps),
  redeliverWebhook: redeliverWebhook(deps),
});

/** The table of all operations: a missing one does not compile. */
export const createHandlers = (deps: HandlerDeps): Handlers => ({
  ingestSlot: ingestSlot(deps.ingest),
  loginUser: loginUser(deps.access),
  getCurrentUser: getCurrentUser(deps.access),
  changeOwnPassword: changeOwnPassword(deps.access),
  downloadPublicResult: downloadPublicResult(deps.download),
  getResultThumbnail: getResultThumbnail(deps.download),
  listJobs: listJobs(deps.jobs),
  getJob: getJob(deps.jobs),
  listJobEvents: listJobEvents(deps.jobs),
  listJobCalls: listJobCalls(deps.jobs),
  cancelJob: cancelJob(deps.jobs),
  rerunJob: rerunJob(deps.jobs),
  getJobOriginal: getJobOriginal(deps.jobs),
  deleteResult: deleteResult(deps.jobs),
  listSlotResults: listSlotResults(deps.jobs),
  downloadSlotResults: downloadSlotResults(deps.jobs),
  getHealth: getHealth(deps.contractVersion),
  getReadiness: getReadiness(deps.readiness),
  listSlots: listSlots(deps.slots),
  getSlot: getSlot(deps.slots),
  updateSlot: updateSlot(deps.slots),
  resetSlotStats: resetSlotStats(deps.slots),
  testRunSlot: testRunSlot(deps.testRun),
  listSlotVersions: listSlotVersions(deps.slots),
  restoreSlotVersion: restoreSlotVersion(deps.slots),
  listSlotRequests: listSlotRequests(deps.slots),
  getContract: getContract(deps.contractDocument),
  getMetrics: getMetrics(deps.operations.metrics),
  listAuditEvents: listAuditEvents(deps.operations),
  enqueueMediaCachePurge: enqueueMediaCachePurge(deps.operations),
  listMediaCachePurges: listMediaCachePurges(deps.operations),
  getMediaCachePurge: getMediaCachePurge(deps.operations),
  registerMedia: registerMedia(deps.media),
  getPublicMedia: getPublicMedia(deps.media),
  registerTemplateMedia: registerTemplateMedia(deps.media),
  listTemplateMedia: listTemplateMedia(deps.media),
  getTemplateMedia: getTemplateMedia(deps.media),
  deleteTemplateMedia: deleteTemplateMedia(deps.media),
  getSlotStats: getSlotStats(deps.statistics),
  getGlobalStats: getGlobalStats(deps.statistics),
  getSlotCosts: getSlotCosts(deps.statistics),
  getGlobalCosts: getGlobalCosts(deps.statistics),
  getPlatformSettings: getPlatformSettings(deps.settings),
  updatePlatformSettings: updatePlatformSettings(deps.settings),
  listProviders: listProviders(deps.providerList),
  ...createWebhookHandlers(deps.webhooks),
  closeProviderCircuit: closeProviderCircuit(deps.providerList),
});
