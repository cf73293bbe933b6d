/**
 * The keys of access tokens. One signs; the one before it verifies until the longest token it could have signed is over. All of
 * them lie encrypted in the database, so that the servers of one installation accept each other's tokens, and a token names its
 * key only by an id that is looked up among them: never a path, an address or a key of the token's own.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { TOKEN_LIFETIME_SECONDS } from '../../domain/administrators.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { deleteSecret, findSecrets } from '../../repositories/secrets.ts';
import {
  deleteRetiredTokenKeys,
  listTokenKeys,
  lockTokenKeys,
  promoteTokenKey,
} from '../../repositories/token-keys.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { type SecretBox, SecretFault } from '../secrets/secret-box.ts';
import { storeSecret } from '../secrets/store-secret.ts';

/** How long a key still verifies after it was retired, in seconds. */
export const RETIRED_KEY_SECONDS = TOKEN_LIFETIME_SECONDS.max;

const SECRET_PREFIX = 'token-key:';
const KEY_BYTES = 32;
/** Tokens with ids that nobody knows must not become a way to keep the database busy. */
const RELOAD_PAUSE_MS = 1_000;

/** A key with its id. */
export interface TokenKey {
  readonly kid: string;
  readonly bytes: Uint8Array;
}

/** What keys are stored with. */
export interface TokenKeyDeps {
  readonly db: Db;
  readonly secretBox: SecretBox;
}

/** The keys as this process knows them. Whether one is still good, the database says with every token. */
export interface TokenKeys {
  /** The bytes of a key; undefined for an id that no key has. For unknown ids the database is asked, at most once a second for all. */
  find(kid: string): Promise<Uint8Array | undefined>;
}

/** The id tells nothing about the key, and no two keys share one. */
const keyOf = (bytes: Buffer): TokenKey => ({
  kid: createHmac('sha256', bytes).update('photochanger token key id').digest('hex').slice(0, 16),
  bytes: new Uint8Array(bytes),
});

/** Every key of the database that can be opened. */
async function loadKeys(db: Step, secretBox: SecretBox): Promise<Map<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  for (const secret of await findSecrets(db, SECRET_PREFIX)) {
    try {
      const bytes = Buffer.from(secretBox.open(secret.name, secret), 'base64');
      keys.set(secret.name.slice(SECRET_PREFIX.length), new Uint8Array(bytes));
    } catch (error) {
      // a start looks for such secrets and names them; here a key that cannot be opened is one that nobody knows
      if (!(error instanceof SecretFault)) throw error;
    }
  }
  return keys;
}

/** Knows the keys of the database; learns new ones when a token names them. */
export function createTokenKeys({ db, secretBox }: TokenKeyDeps): TokenKeys {
  let known: ReadonlyMap<string, Uint8Array> = new Map();
  let loadedAt = Number.NEGATIVE_INFINITY;
  /** A load that has not begun: whatever was committed before it was asked for, it will see. */
  let nextLoad: Promise<void> | undefined;
  const load = async () => {
    const pauseMs = loadedAt + RELOAD_PAUSE_MS - performance.now();
    // also without a pause: whoever asks in this turn of the loop shares the load
    await new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, pauseMs)).unref());
    nextLoad = undefined;
    loadedAt = performance.now();
    known = await loadKeys(db, secretBox);
  };
  return {
    async find(kid) {
      if (!known.has(kid)) {
        nextLoad ??= load();
        await nextLoad;
      }
      return known.get(kid);
    },
  };
}

/**
 * Makes sure that a key signs: the one that the environment gives, else the one of the database, else one made now. Another one
 * that signed before is retired. Two starts at once agree.
 */
export async function seedTokenKey(deps: TokenKeyDeps, given: string | undefined): Promise<void> {
  await transaction(deps.db, async (step) => {
    await lockTokenKeys(step);
    const signing = (await listTokenKeys(step)).find(({ retiredAt }) => retiredAt === null);
    const known = await loadKeys(step, deps.secretBox);
    if (given === undefined && signing !== undefined && known.has(signing.kid)) return;
    const key = keyOf(given === undefined ? randomBytes(KEY_BYTES) : Buffer.from(given));
    if (signing?.kid === key.kid && known.has(key.kid)) return;
    await store(deps, step, key, 'first run');
  });
}

/**
 * Makes a new key sign; tokens of the one before it stay good until they end. @param endTokens ends them now: the former keys are
 * gone from every process with this transaction.
 */
export async function rotateTokenKey(deps: TokenKeyDeps, actor: Actor, { endTokens = false } = {}): Promise<string> {
  return transaction(deps.db, async (step) => {
    await lockTokenKeys(step);
    const key = keyOf(randomBytes(KEY_BYTES));
    await store(deps, step, key, actor.name);
    if (endTokens) await forgetKeys(step, 0);
    await recordAudit(step, actor, {
      action: 'token_key.rotated',
      objectType: 'token_key',
      objectId: key.kid,
      details: { end_tokens: endTokens },
    });
    return key.kid;
  });
}

/** Deletes every key that does not sign, now: for one that somebody else knows. The tokens that it signed are over. @returns their ids. */
export async function forgetRetiredTokenKeys(db: Db, actor: Actor): Promise<readonly string[]> {
  return transaction(db, async (step) => {
    await lockTokenKeys(step);
    const kids = await forgetKeys(step, 0);
    for (const objectId of kids)
      await recordAudit(step, actor, { action: 'token_key.forgotten', objectType: 'token_key', objectId });
    return kids;
  });
}

/** Deletes the keys whose last token is over. */
export async function deleteOverTokenKeys(db: Db): Promise<void> {
  await transaction(db, async (step) => {
    await lockTokenKeys(step);
    await forgetKeys(step, RETIRED_KEY_SECONDS);
  });
}

async function store({ secretBox }: TokenKeyDeps, step: Step, key: TokenKey, updatedBy: string): Promise<void> {
  const clear = Buffer.from(key.bytes).toString('base64');
  await storeSecret(secretBox, step, { name: SECRET_PREFIX + key.kid, clear, updatedBy });
  await promoteTokenKey(step, key.kid);
  await forgetKeys(step, RETIRED_KEY_SECONDS);
}

async function forgetKeys(step: Step, retiredSeconds: number): Promise<readonly string[]> {
  const kids = await deleteRetiredTokenKeys(step, retiredSeconds);
  for (const kid of kids) await deleteSecret(step, SECRET_PREFIX + kid);
  return kids;
}
