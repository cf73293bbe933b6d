import type { Db } from '../../db/db.ts';
import { findSecrets } from '../../repositories/secrets.ts';
import { transaction } from '../../repositories/transaction.ts';
import { type SecretBox, SecretFault } from './secret-box.ts';
import { storeFirstSecret } from './store-secret.ts';

interface Deps {
  readonly db: Db;
  readonly secretBox: SecretBox;
}

/** Holds nothing secret: it shows from the first run on whether the master key of a server is the one of its database. */
const KEY_CHECK = { name: 'master-key-check', clear: 'This opens.', updatedBy: 'first run' } as const;

/** Seals a first secret where there is none yet, so that a second server with another master key notices at its start. */
export async function sealFirstSecret({ db, secretBox }: Deps): Promise<void> {
  await transaction(db, (step) => storeFirstSecret(secretBox, step, KEY_CHECK));
}

/** The stored secrets that cannot be opened; none when all is well. */
export async function findLockedSecrets({ db, secretBox }: Deps): Promise<SecretFault[]> {
  const faults: SecretFault[] = [];
  for (const secret of await findSecrets(db, '')) {
    try {
      secretBox.open(secret.name, secret);
    } catch (error) {
      if (!(error instanceof SecretFault)) throw error;
      faults.push(error);
    }
  }
  return faults;
}
