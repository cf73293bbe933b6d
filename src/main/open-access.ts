import type { Config } from '../config.ts';
import type { Db } from '../db/db.ts';
import { createTokenKeys, seedTokenKey, type TokenKeys } from '../services/access/token-keys.ts';
import type { SecretBox } from '../services/secrets/secret-box.ts';
import { findIgnoredSeeds } from '../services/settings/ignored-seeds.ts';
import { createIngestPasswordCheck, type IngestPasswordCheck } from '../services/settings/ingest-password.ts';
import { learnIngestPassword } from '../services/settings/learn-ingest-password.ts';
import { type FirstRun, firstRun } from './first-run.ts';

/** What decides who may do what, and what people are told of it. */
export interface OpenedAccess extends FirstRun {
  readonly tokenKeys: TokenKeys;
  readonly passwordCheck: IngestPasswordCheck;
  /** Variables (without prefix) that have no effect, because a value is there already. */
  readonly ignoredSeeds: readonly string[];
}

/** Sets what a new installation lacks, and makes ready to judge tokens and ingest passwords. */
export async function openAccess(config: Config, db: Db, secretBox: SecretBox): Promise<OpenedAccess> {
  const { values } = config;
  await seedTokenKey({ db, secretBox }, values.JWT_SECRET);
  // before the first run seeds anything: what it seeds itself is not ignored
  const ignoredSeeds = await findIgnoredSeeds(db, config.given, values.T_SYNC_RESPONSE_SECONDS);
  const seeds = await firstRun(config, db);
  const passwordCheck = createIngestPasswordCheck();
  const { ingestPassword } = seeds;
  const likely = ingestPassword.kind === 'made' ? ingestPassword.password : values.INGEST_PASSWORD;
  await learnIngestPassword({ db, passwordCheck }, likely);
  return { ...seeds, ignoredSeeds, passwordCheck, tokenKeys: createTokenKeys({ db, secretBox }) };
}
