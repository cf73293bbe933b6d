import { keepMasterKeys, putSecret, seedSecret } from '../../repositories/secrets.ts';
import type { Step } from '../../repositories/transaction.ts';
import type { SecretBox } from './secret-box.ts';

/** A secret to be stored. */
export interface NewSecret {
  readonly name: string;
  readonly clear: string;
  readonly updatedBy: string;
}

/** Seals and stores a secret within a transaction; what was stored under the name before is replaced. */
export async function storeSecret(secretBox: SecretBox, step: Step, secret: NewSecret): Promise<void> {
  await keepMasterKeys(step);
  await putSecret(step, secret.name, secretBox.seal(secret.name, secret.clear), secret.updatedBy);
}

/** Seals and stores a secret within a transaction unless there is one of the name already. @returns whether it was stored. */
export async function storeFirstSecret(secretBox: SecretBox, step: Step, secret: NewSecret): Promise<boolean> {
  await keepMasterKeys(step);
  return seedSecret(step, secret.name, secretBox.seal(secret.name, secret.clear), secret.updatedBy);
}
