/** The secrets a new installation makes for itself. */
import { randomInt } from 'node:crypto';
import type { Db } from '../../db/db.ts';
import { listSettings, seedSetting } from '../../repositories/settings.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { changeIngestPassword } from './change-ingest-password.ts';
import { hashPassword } from './password-hash.ts';

// without letters and digits that look alike: people type this into a camera station
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password of 4 groups of 4 characters: some 79 bits. */
export const newPassword = (): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 4 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join(''),
  ).join('-');

/** Where a password of this start comes from. */
export type PasswordSeed =
  | { readonly kind: 'made'; readonly password: string }
  | { readonly kind: 'taken from the environment' }
  | { readonly kind: 'already set' };

/**
 * Sets the ingest password where none was ever set: the environment's, or one made now. The clear text exists only in what is
 * returned.
 */
export async function seedIngestPassword(step: Step, initial: string | undefined): Promise<PasswordSeed> {
  if ((await listSettings(step)).has('ingest_password_hash')) return { kind: 'already set' };
  const password = initial ?? newPassword();
  const isMine = await seedSetting(step, 'ingest_password_hash', await hashPassword(password), 'first run');
  if (!isMine) return { kind: 'already set' };
  return initial === undefined ? { kind: 'made', password } : { kind: 'taken from the environment' };
}

/** Replaces the ingest password; photos under way continue. @returns the new one when it was made here. */
export async function setIngestPassword(db: Db, password: string | undefined, updatedBy: string): Promise<string> {
  const value = password ?? newPassword();
  const passwordHash = await hashPassword(value);
  const actor = { name: updatedBy, address: null, requestId: null };
  await transaction(db, (step) => changeIngestPassword(step, actor, passwordHash));
  return value;
}
