import { JOB_ROW_DAYS } from '../../src/domain/deadlines.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import { type Command, readOptions } from './command.ts';

/** `clean-up` */
export const cleanUpCommand: Command = {
  name: ['clean-up'],
  usage: 'clean-up [--dry-run]',
  about:
    'Removes expired results, files of no job and old rows now, as the server does by itself; --dry-run only counts.',
  run: async (words, { config, db, log }) => {
    const isDryRun = readOptions(words, { 'dry-run': { type: 'boolean' } }).values['dry-run'] === true;
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin: 0 });
    await store.open();
    const report = await cleanUp(
      { db, store, log },
      { windowMsMax: Math.max(config.windowMs, 60_000), jobRowDays: JOB_ROW_DAYS.default, withOrphans: true, isDryRun },
    );
    if (report === undefined) return 'Another process is cleaning up.';
    return `${isDryRun ? 'Would remove' : 'Removed'}: ${report.expiredResults} expired results, ${report.orphanFiles} files of no job, ${report.oldJobs} old jobs.`;
  },
};
