import type { CleanUpReport } from '../../domain/purge.ts';
import type { MediaPurge } from '../../repositories/media-purges.ts';

/** A purge as the contract shows it. */
export const purgeView = (purge: MediaPurge) => ({
  job_id: purge.id,
  scope: purge.scope,
  dry_run: purge.isDryRun,
  state: purge.state,
  expires_cutoff: purge.expiresCutoff.toISOString(),
  requested_by: purge.requestedBy,
  requested_at: purge.requestedAt.toISOString(),
  started_at: purge.startedAt?.toISOString() ?? null,
  finished_at: purge.finishedAt?.toISOString() ?? null,
  outcome: purge.outcome && countsView(purge.outcome),
  error: purge.error,
});

const countsView = (counts: CleanUpReport) => ({
  expired_results: counts.expiredResults,
  expired_originals: counts.expiredOriginals,
  media_objects: counts.mediaObjects,
  deleted_templates: counts.deletedTemplates,
  orphan_files: counts.orphanFiles,
  old_jobs: counts.oldJobs,
  old_audit_events: counts.oldAuditEvents,
  old_deliveries: counts.oldDeliveries,
});
