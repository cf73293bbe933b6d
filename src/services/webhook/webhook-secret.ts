/**
 * The secrets that sign what is sent to webhooks, each encrypted at rest under a name of its webhook. As Standard Webhooks 1.0.0
 * demands, a secret is 24 to 64 random bytes, written as base64 behind `whsec_` (https://www.standardwebhooks.com).
 */
import { randomBytes } from 'node:crypto';
import { deleteSecret, findSecrets, type StoredSecret } from '../../repositories/secrets.ts';
import type { Step } from '../../repositories/transaction.ts';
import { type SecretBox, SecretFault } from '../secrets/secret-box.ts';
import { storeSecret } from '../secrets/store-secret.ts';

const SECRET_BYTES = 32;

const currentName = (webhookId: string): string => `webhook:${webhookId}`;
const previousName = (webhookId: string): string => `webhook:${webhookId}:previous`;

/** A new random secret, as people get to see it once. */
export const makeWebhookSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/** What signing works with. */
export interface SecretDeps {
  readonly secretBox: SecretBox;
  readonly step: Step;
}

/**
 * The secrets that sign now: the current one, and behind it the one before while it still counts. Empty when the current one is gone,
 * as after `secrets forget`.
 *
 * @throws SecretFault when one cannot be opened.
 */
export async function readSigningSecrets(
  { secretBox, step }: SecretDeps,
  webhookId: string,
  hasPrevious: boolean,
): Promise<string[]> {
  const stored = await findSecrets(step, currentName(webhookId));
  const open = (name: string): string[] =>
    stored.filter((secret) => secret.name === name).map((secret) => secretBox.open(name, secret));
  const current = open(currentName(webhookId));
  return hasPrevious && current.length > 0 ? [...current, ...open(previousName(webhookId))] : current;
}

/** Stores the secret of a new webhook. */
export const storeWebhookSecret = (
  { secretBox, step }: SecretDeps,
  webhookId: string,
  clear: string,
  updatedBy: string,
): Promise<void> => storeSecret(secretBox, step, { name: currentName(webhookId), clear, updatedBy });

/**
 * Puts a secret in the place of the current one, and keeps that one where it is to go on signing for a while. One that was kept
 * before goes. @returns whether there was one to keep.
 */
export async function replaceWebhookSecret(
  { secretBox, step }: SecretDeps,
  webhookId: string,
  { clear, keepsPrevious, updatedBy }: { clear: string; keepsPrevious: boolean; updatedBy: string },
): Promise<boolean> {
  const stored = await findSecrets(step, currentName(webhookId));
  const before = openIfPossible(
    secretBox,
    stored.find(({ name }) => name === currentName(webhookId)),
  );
  await deleteSecret(step, previousName(webhookId));
  if (keepsPrevious && before !== undefined)
    await storeSecret(secretBox, step, { name: previousName(webhookId), clear: before, updatedBy });
  await storeWebhookSecret({ secretBox, step }, webhookId, clear, updatedBy);
  return keepsPrevious && before !== undefined;
}

/** Deletes the secret that was replaced. */
export const deletePreviousSecret = (step: Step, webhookId: string): Promise<boolean> =>
  deleteSecret(step, previousName(webhookId));

/** Deletes all secrets of a webhook. */
export async function deleteWebhookSecrets(step: Step, webhookId: string): Promise<void> {
  await deleteSecret(step, currentName(webhookId));
  await deleteSecret(step, previousName(webhookId));
}

/** A new secret is the way out where the one before cannot be opened, so that does not stop it. */
function openIfPossible(secretBox: SecretBox, secret: StoredSecret | undefined): string | undefined {
  try {
    return secret && secretBox.open(secret.name, secret);
  } catch (error) {
    if (error instanceof SecretFault) return undefined;
    throw error;
  }
}
