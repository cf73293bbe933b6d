import type { Db } from '../../db/db.ts';
import { listSettings } from '../../repositories/settings.ts';
import type { IngestPasswordCheck } from './ingest-password.ts';

/**
 * Tells the check a password that is probably the right one, as the environment's or the one that this start made: then no photo
 * has to wait for a hash, not even while somebody floods ingest with wrong passwords. A wrong one changes nothing.
 */
export async function learnIngestPassword(
  { db, passwordCheck }: { readonly db: Db; readonly passwordCheck: IngestPasswordCheck },
  password: string | undefined,
): Promise<void> {
  const hash = (await listSettings(db)).get('ingest_password_hash')?.value;
  if (password !== undefined && typeof hash === 'string') await passwordCheck.learn(password, hash);
}
