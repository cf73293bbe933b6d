import type { Migration } from 'kysely/migration';
import { slotsAndSettings } from './0001-slots-and-settings.ts';
import { queueTables } from './0002-queue-tables.ts';
import { queueFunctions } from './0003-queue-functions.ts';
import { access } from './0004-access.ts';
import { secrets } from './0005-secrets.ts';
import { auditLog } from './0006-audit-log.ts';
import { slotHistory } from './0007-slot-history.ts';
import { media } from './0008-media.ts';
import { jobLists } from './0009-job-lists.ts';
import { tallies } from './0010-tallies.ts';
import { purges } from './0011-purges.ts';
import { webhooks } from './0012-webhooks.ts';
import { ledger } from './0013-ledger.ts';

/** Every step of the schema in its order; a step that was released is never edited. */
export const migrations: Record<string, Migration> = {
  '0001-slots-and-settings': slotsAndSettings,
  '0002-queue-tables': queueTables,
  '0003-queue-functions': queueFunctions,
  '0004-access': access,
  '0005-secrets': secrets,
  '0006-audit-log': auditLog,
  '0007-slot-history': slotHistory,
  '0008-media': media,
  '0009-job-lists': jobLists,
  '0010-tallies': tallies,
  '0011-purges': purges,
  '0012-webhooks': webhooks,
  '0013-ledger': ledger,
};
