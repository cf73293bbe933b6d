/** The secrets a new installation makes for itself. */
import { randomInt } from 'node:crypto';
import type { Db } from '../../db/db.ts';
import { listSettings, putSetting, seedSetting } from '../../repositories/settings.ts';
import { hashPassword } from './password-hash.ts';

// without letters and digits that look alike: people type this into a camera station
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password of 4 groups of 4 characters: some 79 bits. */
const newPassword = (): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 4 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join(''),
  ).join('-');

/** Where the ingest password of this start comes from. */
export type IngestPasswordSeed =
  | { readonly kind: 'made'; readonly password: string }
  | { readonly kind: 'taken from the environment' }
  | { readonly kind: 'already set' };

/**
 * Sets the ingest password where none was ever set: the environment's, or one made now. Two first starts at once agree on one of
 * them. The clear text exists only in what is returned.
 */
export async function seedIngestPassword(db: Db, initial: string | undefined): Promise<IngestPasswordSeed> {
  if ((await listSettings(db)).has('ingest_password_hash')) return { kind: 'already set' };
  const password = initial ?? newPassword();
  const isMine = await seedSetting(db, 'ingest_password_hash', await hashPassword(password), 'first run');
  if (!isMine) return { kind: 'already set' };
  return initial === undefined ? { kind: 'made', password } : { kind: 'taken from the environment' };
}

/** Replaces the ingest password; photos under way continue. @returns the new one when it was made here. */
export async function setIngestPassword(db: Db, password: string | undefined, updatedBy: string): Promise<string> {
  const value = password ?? newPassword();
  await putSetting(db, 'ingest_password_hash', await hashPassword(value), updatedBy);
  return value;
}
