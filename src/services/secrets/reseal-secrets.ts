import type { Db } from '../../db/db.ts';
import { findSecrets, replaceSealed, type StoredSecret } from '../../repositories/secrets.ts';
import type { SecretBox } from './secret-box.ts';

/** What re-encrypting works with. */
export interface ResealDeps {
  readonly db: Db;
  readonly secretBox: SecretBox;
  /** The id of the current master key. */
  readonly currentKeyId: string;
  /** Told of every secret once it is encrypted with the current key. */
  readonly onResealed: (name: string) => void;
}

/**
 * Encrypts every secret with the current master key that is encrypted with another one. Each row is replaced by itself and only if
 * nobody changed it meanwhile, so this may be interrupted, run again, and run beside servers. Who set a secret, and when, stays.
 *
 * @throws SecretFault when a secret cannot be opened; Error when the current key was changed meanwhile.
 */
export async function resealSecrets({ db, secretBox, currentKeyId, onResealed }: ResealDeps): Promise<void> {
  for (;;) {
    const old = await findOldSecrets(db, currentKeyId);
    if (old.length === 0) return;
    for (const secret of old) {
      const sealed = secretBox.seal(secret.name, secretBox.open(secret.name, secret));
      if (sealed.keyId !== currentKeyId) throw new Error('The master key was changed meanwhile. Run this again.');
      // a row that was changed since it was read comes up again in the next round
      if (await replaceSealed(db, secret, sealed)) onResealed(secret.name);
    }
  }
}

/** The secrets that another key than the current one encrypted. */
export const findOldSecrets = async (db: Db, currentKeyId: string): Promise<StoredSecret[]> =>
  (await findSecrets(db, '')).filter(({ keyId }) => keyId !== currentKeyId);
