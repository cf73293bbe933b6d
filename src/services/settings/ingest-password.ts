/**
 * The check of the one ingest password. The first right password is proved against the Argon2id hash (some 26 ms); its keyed
 * digest is then kept in memory, and as a hash has one right password, every later comparison, right or wrong, costs
 * microseconds. A rotated hash starts afresh.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { verifyPassword } from './password-hash.ts';

/** Tells right passwords from wrong ones. */
export interface IngestPasswordCheck {
  /** Whether the password opens ingest. Without a stored hash nothing does. */
  isRight(password: string | undefined, hash: string | undefined): Promise<boolean>;
}

/** A checker with its own random key; the digests it keeps are useless outside this process. */
export function createIngestPasswordCheck(): IngestPasswordCheck {
  const key = randomBytes(32);
  let known: { hash: string; digest: Buffer } | undefined;
  return {
    async isRight(password, hash) {
      if (hash === undefined || password === undefined || password === '') return false;
      const digest = createHmac('sha256', key).update(password).digest();
      if (known?.hash === hash) return timingSafeEqual(known.digest, digest);
      if (!(await verifyPassword(password, hash))) return false;
      known = { hash, digest };
      return true;
    },
  };
}
