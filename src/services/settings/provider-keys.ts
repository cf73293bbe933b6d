/**
 * The providers' keys that settings hold, opened and kept in this process: adapters ask for them at every call, without waiting.
 * Whoever learns of a change, by a notification or by looking now and then, lets them be read afresh.
 */
import type { Db } from '../../db/db.ts';
import type { Log } from '../../log.ts';
import { findSecrets, type StoredSecret } from '../../repositories/secrets.ts';
import { type SecretBox, SecretFault } from '../secrets/secret-box.ts';

const NAME_PREFIX = 'provider-key:';

/** The name that a provider's key is stored under. */
export const providerKeyName = (providerId: string): string => NAME_PREFIX + providerId;

/** What a process knows of the keys in the settings. */
export interface ProviderKeys {
  /** The key of a provider; undefined where settings hold none. */
  keyOf(providerId: string): string | undefined;
  /**
   * Reads the keys as they are now; what was committed before the call is seen. May be called at any time, also while a read is
   * under way. Rejects when the database cannot be asked; the keys then stay as they were.
   */
  refresh(): Promise<void>;
}

interface Deps {
  readonly db: Db;
  readonly secretBox: SecretBox;
  readonly log: Pick<Log, 'info' | 'error'>;
}

interface KnownKey {
  readonly key: string | undefined;
  /** Which row the key was opened from: every sealing has a nonce of its own. */
  readonly openedFrom: string | undefined;
  /** The newer row that could not be opened; it is tried again at every refresh, because its master key may still come. */
  readonly lockedRow?: string;
}

/** Keeps the keys. Nothing is known before the first refresh. */
export function createProviderKeys(deps: Deps): ProviderKeys {
  let known: ReadonlyMap<string, KnownKey> = new Map();
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    waiting = undefined;
    const secrets = await findSecrets(deps.db, NAME_PREFIX);
    known = new Map(secrets.map((secret) => [secret.name, reopen(deps, secret, known.get(secret.name))]));
  };
  return {
    keyOf: (providerId) => known.get(providerKeyName(providerId))?.key,
    refresh() {
      waiting ??= running.then(read);
      running = waiting.catch(() => undefined);
      return waiting;
    },
  };
}

function reopen({ secretBox, log }: Deps, secret: StoredSecret, before: KnownKey | undefined): KnownKey {
  const row = secret.nonce.toString('hex');
  if (before?.openedFrom === row) return before;
  const facts = { provider_id: secret.name.slice(NAME_PREFIX.length), key_id: secret.keyId };
  try {
    const key = secretBox.open(secret.name, secret);
    log.info(facts, 'provider key in use');
    return { key, openedFrom: row };
  } catch (error) {
    if (!(error instanceof SecretFault)) throw error;
    if (before?.lockedRow !== row)
      log.error({ ...facts, err: error }, 'a provider key cannot be opened; the one before stays in use');
    return { key: before?.key, openedFrom: before?.openedFrom, lockedRow: row };
  }
}
