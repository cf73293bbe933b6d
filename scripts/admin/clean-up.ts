import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { JOB_ROW_DAYS } from '../../src/domain/deadlines.ts';
import type { CleanUpReport } from '../../src/domain/purge.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { recordAudit } from '../../src/repositories/audit-log.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import { type Command, readOptions } from './command.ts';

const KINDS: Readonly<Record<keyof CleanUpReport, string>> = {
  expiredResults: 'expired results',
  expiredOriginals: 'expired originals',
  mediaObjects: 'expired public pictures',
  deletedTemplates: 'deleted templates',
  orphanFiles: 'files of no job',
  oldJobs: 'old jobs',
  oldAuditEvents: 'old audit events',
  oldDeliveries: 'old webhook deliveries',
};

/** `clean-up` */
export const cleanUpCommand: Command = {
  name: ['clean-up'],
  usage: 'clean-up [--dry-run]',
  about:
    'Removes expired pictures, files of no job and old rows now, as the server does by itself; --dry-run only counts.',
  run: async (words, { config, db, log }) => {
    const isDryRun = readOptions(words, { 'dry-run': { type: 'boolean' } }).values['dry-run'] === true;
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: 0 });
    await store.open();
    const limits = { windowMsMax: Math.max(config.windowMs, 60_000), jobRowDays: JOB_ROW_DAYS.default };
    const report = await cleanUp({ db, store, log }, { ...limits, withOrphans: true, isThorough: true, isDryRun });
    if (report === undefined) return 'Another process is cleaning up.';
    const details = { scope: 'full', dry_run: isDryRun };
    await recordAudit(db, COMMAND_LINE, {
      action: 'media_purge.requested',
      objectType: 'media_purge',
      objectId: null,
      details,
    });
    const counts = Object.entries(KINDS).map(([kind, name]) => `${report[kind as keyof CleanUpReport]} ${name}`);
    return `${isDryRun ? 'Would remove' : 'Removed'}: ${counts.join(', ')}.`;
  },
};
