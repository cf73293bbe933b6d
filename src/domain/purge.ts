/** Purges: clean-ups that an administrator asks for. */

/** What a purge may remove: public media and uploads nobody owns, or everything whose time is over. Never a template, never a live result. */
export type PurgeScope = 'full' | 'media_objects';

/** Where a purge is in its life; `done` and `failed` are ends. */
export type PurgeState = 'queued' | 'running' | 'done' | 'failed';

/** How many of each kind a clean-up removed, or would. */
export interface CleanUpReport {
  readonly expiredResults: number;
  /** Photos that slots had kept for their time. */
  readonly expiredOriginals: number;
  /** Pictures under public links that were over. */
  readonly mediaObjects: number;
  /** Templates that were deleted before, and that no job can need any more. */
  readonly deletedTemplates: number;
  /** Files that no row names. */
  readonly orphanFiles: number;
  readonly oldJobs: number;
  readonly oldAuditEvents: number;
  /** Of webhooks. */
  readonly oldDeliveries: number;
}
