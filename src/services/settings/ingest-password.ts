/**
 * The check of the one ingest password. A right one is proved against the Argon2id hash once (some 26 ms); its keyed digest is then
 * kept in memory, and as a hash has one right password, every later comparison, right or wrong, costs microseconds. A rotated hash
 * starts afresh.
 *
 * Until a right one is known, every other password has to be hashed. A wrong one is hashed once and remembered, so that a station
 * that is set up wrongly costs nothing, and guesses are bounded: a minute's worth for each address, and a queue for all.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { clientNetwork } from '../../domain/client-network.ts';
import { DomainError } from '../../domain/errors.ts';
import { verifyPassword } from './password-hash.ts';

/** Hashes that one address may cause within a minute. */
const HASHES_PER_MINUTE = 20;
/** Hashes that may wait for each other, from all addresses. */
const PENDING_MAX = 100;
const WINDOW_MS = 60_000;
const WRONG_MAX = 10_000;

/** Tells right passwords from wrong ones. */
export interface IngestPasswordCheck {
  /**
   * Whether the password opens ingest. Without a stored hash nothing does.
   *
   * @throws DomainError `rate_limited` when no right password is known here yet, and the address tried too many.
   */
  isRight(password: string | undefined, hash: string | undefined, address: string): Promise<boolean>;
  /** Takes note of a password that was given beside its hash, so that no station's needs to be hashed; a wrong one is passed over. */
  learn(password: string, hash: string): Promise<void>;
}

interface Knowledge {
  readonly hash: string;
  right?: Buffer;
  /** Digests of wrong passwords. */
  readonly wrong: Set<string>;
  /** Passwords that are being hashed now, by digest. */
  readonly pending: Map<string, Promise<boolean>>;
}

const knowNothingOf = (hash: string): Knowledge => ({ hash, wrong: new Set(), pending: new Map() });

/** A checker with its own random key; the digests it keeps are useless outside this process. @param now in milliseconds. */
export function createIngestPasswordCheck(now: () => number = () => performance.now()): IngestPasswordCheck {
  const key = randomBytes(32);
  const takeHash = createHashBudget(now);
  let known = knowNothingOf('');
  const of = (hash: string): Knowledge => {
    if (known.hash !== hash) known = knowNothingOf(hash);
    return known;
  };
  const digestOf = (password: string) => createHmac('sha256', key).update(password).digest();
  return {
    async isRight(password, hash, address) {
      if (hash === undefined || password === undefined || password === '') return false;
      const digest = digestOf(password);
      const knowledge = of(hash);
      if (knowledge.right !== undefined) return timingSafeEqual(knowledge.right, digest);
      const name = digest.toString('base64');
      if (knowledge.wrong.has(name)) return false;
      const pending = knowledge.pending.get(name);
      if (pending !== undefined) return pending;
      takeHash(address, knowledge.pending.size);
      const proving = prove(knowledge, password, digest);
      knowledge.pending.set(name, proving);
      return proving.finally(() => knowledge.pending.delete(name));
    },
    async learn(password, hash) {
      await prove(of(hash), password, digestOf(password));
    },
  };
}

async function prove(knowledge: Knowledge, password: string, digest: Buffer): Promise<boolean> {
  const isRight = await verifyPassword(password, knowledge.hash);
  if (isRight) knowledge.right = digest;
  else if (knowledge.wrong.size < WRONG_MAX) knowledge.wrong.add(digest.toString('base64'));
  return isRight;
}

/** Counts hashes by address and minute. The throttle of wrong passwords is another one: it never holds up a right one. */
function createHashBudget(now: () => number): (address: string, pending: number) => void {
  let windowEndsAt = Number.NEGATIVE_INFINITY;
  let taken = new Map<string, number>();
  return (address, pending) => {
    if (now() >= windowEndsAt) {
      windowEndsAt = now() + WINDOW_MS;
      taken = new Map();
    }
    const network = clientNetwork(address);
    const count = taken.get(network) ?? 0;
    if (count >= HASHES_PER_MINUTE || pending >= PENDING_MAX) {
      const waitMs = count >= HASHES_PER_MINUTE ? windowEndsAt - now() : 1_000;
      throw new DomainError('rate_limited', 'Too many passwords were tried from this address. Wait a little.', {
        retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
      });
    }
    taken.set(network, count + 1);
  };
}
