import type { Actor } from '../../domain/actor.ts';
import type { PurgeScope } from '../../domain/purge.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { insertMediaPurge, type MediaPurge } from '../../repositories/media-purges.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { PurgeDeps } from './find-purges.ts';

/**
 * Queues a purge. Whichever process cleans up runs it within about two seconds, after those that were asked for before.
 *
 * @throws DomainError `queue_unavailable`.
 */
export const requestPurge = (
  { db }: PurgeDeps,
  actor: Actor,
  { scope, isDryRun }: { readonly scope: PurgeScope; readonly isDryRun: boolean },
): Promise<MediaPurge> =>
  needDatabase(
    transaction(db, async (step) => {
      const purge = await insertMediaPurge(step, { scope, isDryRun, requestedBy: actor.name });
      await recordAudit(step, actor, {
        action: 'media_purge.requested',
        objectType: 'media_purge',
        objectId: purge.id,
        details: { scope, dry_run: isDryRun },
      });
      return purge;
    }),
  );
