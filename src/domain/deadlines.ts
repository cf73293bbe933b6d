/**
 * Deadlines and lifetimes, as pure functions. The database computes the stored points in time with the same formulas, by its own
 * clock; processes use these functions for their timers and to judge what they read.
 */

/** Bounds of the synchronous response window that settings accept, in seconds. */
export const WINDOW_SECONDS = { min: 45, max: 60, default: 48 } as const;

/** Bounds of the result retention, in hours. */
export const RETENTION_HOURS = { min: 1, max: 720, default: 72 } as const;

/** How long finished job rows are kept, in days: the default and the least that may be configured. */
export const JOB_ROW_DAYS = { min: 100, default: 400 } as const;

/** How long the audit log is kept at least, in days; longer where job rows are. */
export const AUDIT_DAYS = 400;

/** Files without a row are orphans only after the longest window and this margin: an upload in progress has no row yet. */
const ORPHAN_MARGIN_SECONDS = 60;

/**
 * How long requests are held, in seconds: what settings say, else the environment. An environment below the bounds is for tests and
 * rules always.
 */
export const windowSecondsInForce = (environmentSeconds: number, setting: number | undefined): number =>
  environmentSeconds < WINDOW_SECONDS.min ? environmentSeconds : (setting ?? environmentSeconds);

/** What is left of a window, in milliseconds; never below zero. */
export const windowLeftMs = (windowMs: number, elapsedMs: number): number => Math.max(0, windowMs - elapsedMs);

/** When a job that arrived at `createdAt` must be answered. */
export const jobExpiresAt = (createdAt: Date, windowMs: number): Date => new Date(createdAt.getTime() + windowMs);

/**
 * When a temporary artefact (uploaded payload, public link) ends: with its job, or after the job's own window counted from the
 * artefact's creation, whichever comes first.
 */
export const artefactExpiresAt = (jobEndsAt: Date, artefactCreatedAt: Date, windowMs: number): Date =>
  new Date(Math.min(jobEndsAt.getTime(), artefactCreatedAt.getTime() + windowMs));

/** When a result finalised at `finalizedAt` stops being served; independent of the job's window. */
export const resultExpiresAt = (finalizedAt: Date, retentionHours: number): Date =>
  new Date(finalizedAt.getTime() + retentionHours * 3_600_000);

/** Whether a point in time has come: a link is good until, and not at, its end. */
export const isOver = (endsAt: Date, now: Date): boolean => now.getTime() >= endsAt.getTime();

/** The age from which a file without a row is an orphan, in milliseconds. */
export const orphanAgeMs = (windowMsMax: number): number => windowMsMax + ORPHAN_MARGIN_SECONDS * 1000;

/** What a public result link answers. A result that existed is `gone`; one that never did is `unknown`. */
export type ResultLinkState = 'live' | 'gone' | 'unknown';

/**
 * Judges a result link by its job's row.
 *
 * @param result `expiresAt` is null where the job has no result (unfinished or failed); `isStored` is false once the file was
 * removed by retention or an administrator.
 */
export function resultLinkState(
  result: { expiresAt: Date | null; isStored: boolean } | undefined,
  now: Date,
): ResultLinkState {
  if (result?.expiresAt == null) return 'unknown';
  return result.isStored && !isOver(result.expiresAt, now) ? 'live' : 'gone';
}
